/* A process ends, by exit or _exit, with a connection open to a silent peer: its
 * other threads do not run on.
 *
 * exit_ends_threads (exit|_exit) */
#include "round_trip.h"
#include <sys/mman.h>

/* A tick is a millisecond; what a busy machine does between the last look and
 * the end of the process is far less. */
enum { FEW = 200 };

struct shared {
	_Atomic long ticks;
	_Atomic long last_seen;
};

static struct shared *shared;

static void *ticker(void *nothing)
{
	for (;;) {
		shared->ticks++;
		poll(NULL, 0, 1);
	}
	return nothing;
}

static void child(int port, int by_exit)
{
	connect_to(port);
	start_thread(ticker, NULL);
	while (shared->ticks < 10)
		sched_yield();
	shared->last_seen = shared->ticks;
	by_exit ? exit(0) : _exit(0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	int listener = listener_for(AF_INET, 0);
	pid_t process = fork();
	if (process == 0)
		child(port_of(listener), !strcmp(arguments[1], "exit"));
	accept_one(listener);
	say_end_of("process", process);
	say("ticks after the end: %s", shared->ticks - shared->last_seen > FEW ? "many" : "few");
	return 0;
}
