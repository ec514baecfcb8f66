/* A connection enters an epoll set by an instruction and is closed by libc: it
 * leaves the set, as with any close of the last reference. */
#include "by_instruction.h"
#include <sys/epoll.h>

int main(void)
{
	int pair[2];
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	at_most_a_minute();
	tcp_pair(pair);
	int set = epoll_create1(0);
	must(by_instruction(SYS_epoll_ctl, set, EPOLL_CTL_ADD, pair[1], (long)&event) == 0);
	must(epoll_wait(set, &event, 1, 0) == 1);
	must(close(pair[1]) == 0);
	say("events after the close: %d", epoll_wait(set, &event, 1, 20));
	return 0;
}
