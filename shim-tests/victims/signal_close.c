/* Connections are closed in a signal handler while the program allocates, or
 * closes connections itself. The first close of the process is one of them.
 *
 * signal_close N (malloc|close) [ROAD] */
#include "road.h"
#include <sys/time.h>

static int *conns;
static const char *road = "close";
static volatile sig_atomic_t left;

static void on_alarm(int number)
{
	(void)number;
	int error = errno;
	if (left > 0) {
		leave_by(road, conns[left - 1]);
		left--;
	}
	errno = error;
}

/* Sizes above those that a thread caches for itself: each takes the lock. */
static void allocate(unsigned round)
{
	void *blocks[64];
	for (unsigned at = 0; at < 64; at++)
		blocks[at] = malloc(2048 + (round * 64 + at) * 1031 % 65536);
	for (unsigned at = 0; at < 64; at += 2)
		free(blocks[at]);
	for (unsigned at = 1; at < 64; at += 2)
		free(blocks[at]);
}

static void open_and_close(void)
{
	int pair[2];
	tcp_pair(pair);
	must(close(pair[0]) == 0 && close(pair[1]) == 0);
}

int main(int count, char **arguments)
{
	must(count >= 3);
	if (count == 4)
		road = arguments[3];
	int connections = atoi(arguments[1]), closes = !strcmp(arguments[2], "close");
	int listener = listen_tcp();
	alarm(0);
	conns = calloc(connections, sizeof *conns);
	for (int at = 0; at < connections; at++) {
		conns[at] = accept_one(listener);
		respond(conns[at], 0, read_request(conns[at]));
	}
	left = connections;
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	must(sigaction(SIGALRM, &action, NULL) == 0);
	struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
	must(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (unsigned round = 0; left > 0; round++)
		closes ? open_and_close() : allocate(round);
	say("closed");
	wait_for_the_end();
	return 0;
}
