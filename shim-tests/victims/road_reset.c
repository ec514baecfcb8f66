/* SO_LINGER{1,0}: the program asks for a reset, and gives the connection up on
 * one of the roads.
 *
 * road_reset ROAD */
#include "road.h"

int main(int count, char **arguments)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	char byte;
	int pair[2];
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	leave_by(arguments[1], pair[1]);
	struct pollfd poll_fd = {.fd = pair[0], .events = POLLIN | POLLOUT | POLLRDHUP};
	int ready = poll(&poll_fd, 1, 5000);
	say("events: %d %#x", ready, poll_fd.revents);
	ssize_t received = recv(pair[0], &byte, 1, MSG_DONTWAIT);
	say("recv: %zd %s", received, strerrorname_np(errno));
	return 0;
}
