/* A server's thread of real-time priority, pinned to one processor, closes early and polls
 * without sleeping until its peer, on another processor, is done; or, without the priority,
 * it just looks where the process' new thread may run.
 *
 * scheduled (fifo|pinned) */
#include "round_trip.h"
#include "pinned.h"
#include <dirent.h>

enum { UPLOAD = 8 << 20, SPIN_MS = 4000 };

static void upload(int port)
{
	static char data[1 << 16];
	at_most_a_minute();
	pin(processor(0));
	signal(SIGPIPE, SIG_IGN);
	int fd = connect_to(port);
	for (size_t sent = 0; sent < UPLOAD;) {
		ssize_t count = write(fd, data, sizeof data);
		if (count < 0)
			break;
		sent += count;
	}
	_exit(0);
}

/* Whether every thread but the calling one may run where the process was started, and is
 * not of real time. */
static int others_are_free(void)
{
	int free = 1;
	DIR *threads = opendir("/proc/self/task");
	must(threads);
	for (struct dirent *entry; (entry = readdir(threads));) {
		pid_t tid = atoi(entry->d_name);
		cpu_set_t set;
		if (tid <= 0 || tid == gettid() || sched_getaffinity(tid, sizeof set, &set))
			continue;
		free &= CPU_EQUAL(&set, &at_start) && sched_getscheduler(tid) == SCHED_OTHER;
	}
	closedir(threads);
	return free;
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	must(sched_getaffinity(0, sizeof at_start, &at_start) == 0);
	if (CPU_COUNT(&at_start) < 2) {
		errno = ENODEV;
		unsupported("two processors");
	}
	struct sched_param priority = {.sched_priority = 50};
	if (!strcmp(arguments[1], "fifo") && sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority))
		unsupported("SCHED_FIFO");
	int listener = listener_for(AF_INET, 0);
	pid_t peer = fork();
	if (peer == 0)
		upload(port_of(listener));
	pin(processor(1));
	int conn = accept_one(listener);
	char byte;
	must(read(conn, &byte, 1) == 1 && write(conn, "early", 5) == 5);
	if (!strcmp(arguments[1], "fifo"))
		must(sched_setscheduler(0, SCHED_FIFO, &priority) == 0);
	must(close(conn) == 0);
	int gone = 0;
	for (long until = now_ms() + SPIN_MS; !gone && now_ms() < until;)
		gone = waitpid(peer, NULL, WNOHANG) == peer;
	say("the peer is %s, other threads are %s", gone ? "done" : "stuck", others_are_free() ? "free" : "bound");
	if (!gone)
		kill(peer, SIGKILL);
	_exit(0);
}
