/* TCP_REPAIR: the connection is moved elsewhere, and its close here is silent. */
#include "round_trip.h"

/* How long a FIN would have to show itself. Nothing is to come. */
enum { MOMENT_MS = 300 };

int main(void)
{
	int pair[2], on = 1;
	at_most_a_minute();
	tcp_pair(pair);
	if (setsockopt(pair[1], IPPROTO_TCP, TCP_REPAIR, &on, sizeof on))
		unsupported("TCP_REPAIR");
	must(close(pair[1]) == 0);
	struct pollfd poll_fd = {.fd = pair[0], .events = POLLIN | POLLRDHUP};
	say("the peer sees %s", poll(&poll_fd, 1, MOMENT_MS) ? "an end" : "nothing");
	return 0;
}
