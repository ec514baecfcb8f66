/* A child answers with news in its error queue that nobody reads, to a peer that reads
 * nothing, and closes, or ends. How much of the processor does it take?
 *
 * waits_quietly (close|exit) */
#include "victim.h"
#include <sys/resource.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum { LITTLE_MS = 200 };

static char data[1 << 20];

static void answer(int conn)
{
	int one = 1, room = 4 << 20;
	must(setsockopt(conn, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
	must(setsockopt(conn, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one) == 0);
	must(send(conn, data, 1000, MSG_ZEROCOPY) == 1000);
	must(send(conn, data, sizeof data, 0) == sizeof data);
}

int main(int count, char **arguments)
{
	struct rusage usage;
	int status, small = 4096;
	must(count == 2);
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0), there = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	must(setsockopt(there, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	must(getsockname(listener, (void *)&address, &length) == 0 && connect(there, (void *)&address, length) == 0);
	pid_t child = fork();
	if (child == 0) {
		int conn = accept_one(listener);
		answer(conn);
		if (!strcmp(arguments[1], "close"))
			must(close(conn) == 0);
		exit(0);
	}
	must(wait4(child, &status, 0, &usage) == child && status == 0);
	long ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
	say("processor: %s", ms < LITTLE_MS ? "little" : "much");
	return 0;
}
