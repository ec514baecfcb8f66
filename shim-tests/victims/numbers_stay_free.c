/* While connections are closed beside readers and writers, no other thread opens anything:
 * the lowest free number stays the same, look after look.
 *
 * numbers_stay_free */
#include "victim.h"

enum { CLOSES = 40, LOOKS = 3000 };

static char data[64 << 10];

static void *sleeper(void *nothing)
{
	pause();
	return nothing;
}

static int lowest_free(void)
{
	int fd = dup(0);
	must(fd >= 0 && close(fd) == 0);
	return fd;
}

int main(void)
{
	at_most_a_minute();
	start_thread(sleeper, NULL);
	int changes = 0, peers[CLOSES];
	for (int at = 0; at < CLOSES; at++) {
		int pair[2], room = 4 << 20;
		tcp_pair(pair);
		must(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
		must(send(pair[1], data, sizeof data, MSG_DONTWAIT) > 0);
		must(close(pair[1]) == 0);
		peers[at] = pair[0];
		/* The drain finds something queued that a thread could want. */
		must(write(pair[0], "x", 1) == 1);
		int lowest = lowest_free();
		for (int look = 0; look < LOOKS; look++)
			changes += lowest_free() != lowest;
	}
	say("changes: %d", changes);
	for (int at = 0; at < CLOSES; at++)
		close(peers[at]);
	_exit(0);
}
