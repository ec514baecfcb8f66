/* A program and a worker that it has executed live for N connections: each is accepted here,
 * sent to the worker, and ended there. Says how much more memory both have after all of them
 * than after a tenth, in KiB, and how many were answered.
 *
 * lasts N */
#include "image.h"
#include "passing.h"

static void be_worker(int link)
{
	at_most_a_minute();
	for (;;) {
		int conn = receive_fd(link, 0, 0);
		must(write(conn, "answer", 6) == 6 && close(conn) == 0);
	}
}

static pid_t start(int *link)
{
	int pair[2];
	char number[16];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	pid_t worker = fork();
	if (worker == 0) {
		must(fcntl(pair[1], F_SETFD, 0) == 0);
		snprintf(number, sizeof number, "%d", pair[1]);
		execl(this_program(), "lasts", "worker", number, NULL);
		_exit(99);
	}
	must(close(pair[1]) == 0);
	*link = pair[0];
	return worker;
}

static long kib_of(pid_t process)
{
	char path[64], line[256];
	long total = 0, kib;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", process);
	FILE *file = fopen(path, "r");
	must(file);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1 || sscanf(line, "Shared_Dirty: %ld", &kib) == 1)
			total += kib;
	must(fclose(file) == 0);
	return total;
}

static int is_answered(int listener, int port, int link)
{
	char answer[16];
	int peer = connect_to(port), conn = accept_one(listener);
	send_fd(link, conn, 0);
	must(close(conn) == 0);
	must(send(peer, "request", 7, MSG_NOSIGNAL) == 7);
	int whole = read(peer, answer, sizeof answer) == 6 && read(peer, answer, sizeof answer) == 0;
	must(close(peer) == 0);
	return whole;
}

int main(int count, char **arguments)
{
	int link, answered = 0;
	if (count == 3)
		be_worker(atoi(arguments[2]));
	must(count == 2);
	at_most_a_minute();
	int times = atoi(arguments[1]), listener = listener_for(AF_INET, 0), port = port_of(listener);
	pid_t worker = start(&link);
	long before = 0;
	for (int at = 0; at < times; at++) {
		answered += is_answered(listener, port, link);
		if (at == times / 10)
			before = kib_of(getpid()) + kib_of(worker);
	}
	say("%ld KiB more", kib_of(getpid()) + kib_of(worker) - before);
	say("%d of %d answered", answered, times);
	must(kill(worker, SIGTERM) == 0 && waitpid(worker, NULL, 0) == worker);
	return 0;
}
