/* The number of a closed connection is free when close returns: the next
 * descriptor of any kind gets it. Programs index tables by it. */
#include "victim.h"
#include <sys/eventfd.h>

static int next_by(int kind)
{
	switch (kind) {
	case 0: return open("/dev/null", O_RDONLY);
	case 1: return socket(AF_INET, SOCK_STREAM, 0);
	case 2: return dup(0);
	case 3: return eventfd(0, 0);
	default: return fcntl(0, F_DUPFD, 0);
	}
}

int main(void)
{
	for (int kind = 0; kind < 5; kind++)
		for (int end = 0; end < 2; end++) {
			int pair[2];
			tcp_pair(pair);
			int filler = open("/dev/null", O_RDONLY); /* the listener's number */
			must(filler >= 0 && filler < pair[0]);
			must(write(pair[0], "unread", 6) == 6 && write(pair[1], "unread", 6) == 6);
			int first = close(pair[end]), next = next_by(kind);
			say("kind %d end %d: close %d, number %s", kind, end, first, next == pair[end] ? "free" : "taken");
			must(close(next) == 0);
			say("other end: close %d", close(pair[!end]));
			must(close(filler) == 0);
		}
	return 0;
}
