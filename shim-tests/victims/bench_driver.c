/*
 * Connections for MS milliseconds, each with a request of one byte and the answer
 * read to its end. RATE 0: always IN_FLIGHT of them at once. Else so many a second,
 * however fast the server is, as long as fewer than IN_FLIGHT are open. With nothing
 * to do it sleeps for PATIENCE milliseconds; with 0 it stays awake, and nobody has to
 * wake its processor.
 *
 * Says: connections that came to their end, those of them with a reset, nanoseconds.
 */
#include "bench.h"
#include <sys/timerfd.h>

static int port, in_flight, epoll, timer = -1;
static long until, finished, reset, due;

static void begin(void)
{
	int fd = connect_to(port);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	if (send(fd, "G", 1, MSG_NOSIGNAL) < 0)
		must(errno == EPIPE || errno == ECONNRESET);
	in_flight++;
}

static void on_readable(int fd)
{
	char sink[4096];
	ssize_t got;
	while ((got = recv(fd, sink, sizeof sink, MSG_DONTWAIT)) > 0)
		;
	if (got < 0 && errno == EAGAIN)
		return;
	reset += got < 0;
	finished++;
	in_flight--;
	must(close(fd) == 0);
}

static void on_timer(void)
{
	uint64_t ticks;
	if (read(timer, &ticks, sizeof ticks) == sizeof ticks)
		due += ticks;
}

static void pace(long rate)
{
	if (!rate)
		return;
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct timespec period = {.tv_nsec = 1000000000L / rate};
	struct itimerspec times = {.it_value = period, .it_interval = period};
	must(timerfd_settime(timer, 0, &times, NULL) == 0);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = timer};
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
}

static void begin_all(int most)
{
	while (in_flight < most && now_ns() < until && (timer < 0 || due > 0)) {
		begin();
		due--;
	}
}

int main(int count, char **arguments)
{
	must(count == 6);
	at_most_an_hour();
	int most = atoi(arguments[2]), patience = atoi(arguments[5]);
	port = atoi(arguments[1]);
	epoll = epoll_create1(0);
	long began = now_ns();
	until = began + atol(arguments[4]) * 1000000L;
	pace(atol(arguments[3]));
	struct epoll_event events[256];
	for (begin_all(most); in_flight > 0 || now_ns() < until; begin_all(most)) {
		int ready = epoll_wait(epoll, events, 256, patience);
		for (int at = 0; at < ready; at++)
			events[at].data.fd == timer ? on_timer() : on_readable(events[at].data.fd);
	}
	say("result %ld %ld %ld", finished, reset, now_ns() - began);
	return 0;
}
