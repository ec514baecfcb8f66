/* Beside T threads that wait, a server answers N peers in this process with more than is
 * acknowledged at once, and closes. Each peer then reads to the end: how many had to wait for it?
 *
 * end_beside_threads (blocking|nonblocking|unprivileged) T N; without the rights that it was
 * started with its sockets block. */
#include "victim.h"

enum { ANSWER = 100000, LATE_US = 3000, REST_US = 5000 };

static char data[ANSWER];

/* A connection of which this end holds a whole answer, and that end takes little at once. */
static void connect_both(int listener, int flags, int *here, int *there)
{
	int small = 4096, large = 1 << 20;
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	*there = socket(AF_INET, SOCK_STREAM, 0);
	must(setsockopt(*there, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	must(getsockname(listener, (void *)&address, &length) == 0 && connect(*there, (void *)&address, length) == 0);
	*here = accept4(listener, NULL, NULL, SOCK_CLOEXEC | flags);
	must(*here >= 0 && setsockopt(*here, SOL_SOCKET, SO_SNDBUF, &large, sizeof large) == 0);
}

/* Microseconds from the last byte to the end. */
static long waits_for_the_end(int there)
{
	static char room[1 << 16];
	long last = now_us();
	size_t total = 0;
	for (ssize_t count; (count = read(there, room, sizeof room)); last = now_us()) {
		must(count > 0);
		total += count;
	}
	must(total == ANSWER);
	return now_us() - last;
}

int main(int count, char **arguments)
{
	must(count == 4);
	at_most_a_minute();
	int flags = strcmp(arguments[1], "nonblocking") ? 0 : SOCK_NONBLOCK;
	int threads = atoi(arguments[2]), peers = atoi(arguments[3]), late = 0;
	int listener = listener_for(AF_INET, 0), here, there;
	for (int at = 0; at < threads; at++)
		start_small_thread();
	if (!strcmp(arguments[1], "unprivileged") && (setgid(65534) || setuid(65534))) {
		say("unsupported: setuid");
		return 0;
	}
	for (int at = 0; at < peers; at++) {
		connect_both(listener, flags, &here, &there);
		must(send(here, data, ANSWER, 0) == ANSWER);
		must(close(here) == 0);
		late += waits_for_the_end(there) > LATE_US;
		close(there);
		usleep(REST_US);
	}
	if (late * 10 < peers * 9)
		say("late: few");
	else
		say("late: %d of %d", late, peers);
	_exit(0);
}
