/* A connection that is watched by epoll is given up on one of the roads: the set
 * never reports it again, and does not know the number.
 *
 * road_epoll ROAD (level|edge) */
#include "road.h"
#include <sys/epoll.h>

int main(int count, char **arguments)
{
	int pair[2];
	must(count == 3);
	unsigned edge = strcmp(arguments[2], "edge") ? 0 : EPOLLET;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | edge};
	at_most_a_minute();
	int set = epoll_create1(0);
	tcp_pair(pair);
	must(epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event) == 0);
	must(epoll_wait(set, &event, 1, 0) == 1);
	leave_by(arguments[1], pair[1]);
	must(send(pair[0], "after", 5, MSG_NOSIGNAL) == 5);
	say("events: %d", epoll_wait(set, &event, 1, 20));
	must(dup2(pair[0], pair[1]) == pair[1]);
	int gone = epoll_ctl(set, EPOLL_CTL_DEL, pair[1], &event);
	say("EPOLL_CTL_DEL: %d %s", gone, strerrorname_np(errno));
	return 0;
}
