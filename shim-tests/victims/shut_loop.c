/* An event loop shuts a connection down and closes it at its hang-up, as
 * libevent's and Twisted's users do. The peer sends before and after.
 *
 * shut_loop WORD (level|edge) */
#include "shutting.h"
#include <sys/epoll.h>

static char block[4096];

/* Reads what there is; whether it was the end. */
static int read_all(int fd)
{
	ssize_t count;
	do
		count = recv(fd, block, sizeof block, MSG_DONTWAIT);
	while (count > 0);
	return count == 0 || errno != EAGAIN;
}

int main(int count, char **arguments)
{
	int pair[2];
	must(count == 3);
	unsigned edge = strcmp(arguments[2], "edge") ? 0 : EPOLLET;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | edge};
	at_most_a_minute();
	int set = epoll_create1(0);
	tcp_pair(pair);
	must(epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event) == 0);
	must(write(pair[0], "before", 6) == 6 && write(pair[1], "answer", 6) == 6);
	must(shut_by(arguments[1], pair[1]) == 0);
	must(write(pair[0], "after", 5) == 5);
	do
		must(epoll_wait(set, &event, 1, -1) == 1);
	while (!read_all(pair[1]));
	say("the end: %#x", event.events & (EPOLLHUP | EPOLLRDHUP));
	must(close(pair[1]) == 0);
	return 0;
}
