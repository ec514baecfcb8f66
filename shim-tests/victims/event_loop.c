/* An event loop that answers N connections and then closes them in a row:
 * many drains at once, started by one thread within a moment. */
#include "victim.h"
#include <sys/epoll.h>

static void watch(int epoll, int fd, unsigned events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), answered = 0, accepted = 0;
	int *conns = calloc(connections, sizeof *conns);
	int listener = listen_tcp(), epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(epoll, listener, EPOLLIN);
	while (answered < connections) {
		struct epoll_event event;
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.fd == listener) {
			conns[accepted] = accept_one(listener);
			watch(epoll, conns[accepted++], EPOLLIN | EPOLLONESHOT);
		} else {
			respond(event.data.fd, 0, read_request(event.data.fd));
			answered++;
		}
	}
	for (int at = 0; at < connections; at++)
		must(close(conns[at]) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
