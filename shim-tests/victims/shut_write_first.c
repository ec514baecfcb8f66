/* A write right after shutdown(SHUT_RDWR) fails at once, however long the other
 * half may take. */
#include "shutting.h"

enum { SOON_MS = 5000 };

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	long start = now_ms();
	must(shutdown(pair[1], SHUT_RDWR) == 0);
	ssize_t sent = send(pair[1], "x", 1, MSG_NOSIGNAL);
	say("send: %s", sent < 0 ? strerrorname_np(errno) : "done");
	say("%s", now_ms() - start < SOON_MS ? "soon" : "late");
	return 0;
}
