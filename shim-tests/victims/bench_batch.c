/* For each line on stdin: opens BATCH connections, sends BYTES on each that nobody
 * will read, says `ready`, closes each when its peer has, and says `done`. */
#include "bench.h"

static int epoll;

static void begin(int port, int bytes)
{
	int fd = connect_to(port);
	struct epoll_event event = {.events = EPOLLRDHUP, .data.fd = fd};
	must(send(fd, pattern, bytes, MSG_NOSIGNAL) == bytes || bytes == 0);
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* Reads the answer, so that the close is no reset. */
static void finish(int fd)
{
	char answer[64];
	while (read(fd, answer, sizeof answer) > 0)
		;
	must(close(fd) == 0);
}

static void close_all(int left)
{
	struct epoll_event events[256];
	while (left > 0) {
		int ready = epoll_wait(epoll, events, 256, -1);
		for (int at = 0; at < ready; at++, left--)
			finish(events[at].data.fd);
	}
}

int main(int count, char **arguments)
{
	must(count == 4);
	at_most_an_hour();
	int batch = atoi(arguments[2]);
	epoll = epoll_create1(0);
	while (hear()) {
		for (int at = 0; at < batch; at++)
			begin(atoi(arguments[1]), atoi(arguments[3]));
		say("ready");
		close_all(batch);
		say("done");
	}
	return 0;
}
