/* One connection, watched by an epoll set, and what became of it after its close. */
#ifndef WATCHED_H
#define WATCHED_H

#include "victim.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/epoll.h>

static int peer = -1, conn = -1;

static UNUSED void open_one(void)
{
	int pair[2];
	tcp_pair(pair);
	peer = pair[0], conn = pair[1];
}

static UNUSED void answer(int fd) { must(send(fd, "answer", 6, MSG_NOSIGNAL) == 6); }

static UNUSED void close_answered(int fd)
{
	answer(fd);
	must(close(fd) == 0);
}

/* A connection that is half-closed is writable, and so reported at once. */
static struct epoll_event interest = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP};

static UNUSED int control(int set, int op, int fd) { return epoll_ctl(set, op, fd, &interest); }

static UNUSED void add(int set) { must(control(set, EPOLL_CTL_ADD, conn) == 0); }

static UNUSED int libc_set(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC);
	must(set >= 0);
	return set;
}

static UNUSED void report(int set)
{
	struct epoll_event event;
	say("events: %d", set < 0 ? 0 : epoll_wait(set, &event, 1, 30));
}

/* Whether what the peer sends is still acknowledged. */
static UNUSED const char *late_data(void)
{
	enum { CLOSED = 7 };
	struct tcp_info info;
	int left;
	for (int i = 0; i < 2; i++)
		if (send(peer, "late", 4, MSG_NOSIGNAL) < 0)
			break;
	do {
		socklen_t size = sizeof info;
		/* Also what has not been sent yet, on a machine that is slow. */
		must(ioctl(peer, SIOCOUTQ, &left) == 0);
		must(getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
	} while (info.tcpi_state != CLOSED && left);
	return info.tcpi_state == CLOSED ? "refused" : "taken";
}

static UNUSED void report_late_data(void) { say("late data: %s", late_data()); }

static UNUSED int finish(int set)
{
	close_answered(conn);
	report(set);
	report_late_data();
	return 0;
}

/* One of the ways in which a victim closes, by name. */
struct shape {
	const char *name;
	int (*run)(void);
};

static UNUSED int run_shape(const struct shape *shapes, size_t length, int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	for (size_t i = 0; i < length; i++)
		if (!strcmp(shapes[i].name, arguments[1]))
			return shapes[i].run();
	die("no such shape");
	return 1;
}

#endif
