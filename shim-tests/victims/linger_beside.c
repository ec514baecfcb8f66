/* A close that waits, as SO_LINGER{1,n} asks, gives the number up and leaves the epoll sets
 * before it waits: another thread, at the set, hears of it no more, and may have the number.
 *
 * linger_beside (read|sends) ROAD: what the peer does while the close waits */
#include "lingers.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int pair[2], set, bell;
static _Atomic pid_t waiter;
static _Atomic int events, has_begun, has_returned;
static const char *road;

static void watch(int fd, unsigned what)
{
	struct epoll_event event = {.events = what, .data.fd = fd};
	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void *count_events(void *unused)
{
	struct epoll_event event;
	waiter = syscall(SYS_gettid);
	while (epoll_wait(set, &event, 1, -1) == 1 && event.data.fd != bell)
		events += has_begun;
	return unused;
}

static void *leave(void *unused)
{
	has_begun = 1;
	leave_by(road, pair[1]);
	has_returned = 1;
	return unused;
}

static int is_given_up(int fd)
{
	int type;
	socklen_t size = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0;
}

/* Whether it is before the call returns. */
static int is_given_up_soon(int fd)
{
	long until = now_ms() + SOON_MS;
	while (!is_given_up(fd) && !has_returned && now_ms() < until)
		sched_yield();
	return !has_returned && is_given_up(fd);
}

static void *read_all(void *unused)
{
	char text[65536];
	while (recv(pair[0], text, sizeof text, 0) > 0)
		;
	return unused;
}

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	road = arguments[2];
	set = epoll_create1(EPOLL_CLOEXEC);
	bell = eventfd(0, EFD_CLOEXEC);
	lingering_pair(pair);
	watch(bell, EPOLLIN);
	watch(pair[1], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	pthread_t watcher = start_thread(count_events, NULL);
	while (!waiter || !sleeps(waiter))
		sched_yield();

	long start = now_ms();
	pthread_t closer = start_thread(leave, NULL);
	say("given up while it waits: %s", is_given_up_soon(pair[1]) ? "yes" : "no");
	int is_free = fcntl(pair[1], F_GETFD) < 0, null = null_file();
	if (is_free)
		must(dup2(null, pair[1]) == pair[1]);
	if (!strcmp(arguments[1], "sends"))
		must(send(pair[0], "late", 4, MSG_NOSIGNAL) == 4);
	else
		start_thread(read_all, NULL);
	must(pthread_join(closer, NULL) == 0);
	say("returned: %s", now_ms() - start < SOON_MS ? "soon" : "late");
	must(eventfd_write(bell, 1) == 0 && pthread_join(watcher, NULL) == 0);
	say("events: %d", events);
	if (is_free)
		say("the number: %s", fcntl(pair[1], F_GETFD) < 0 ? "closed" : "another file");
	_exit(0);
}
