/* A connection whose close waits, as SO_LINGER{1,n} asks: the peer reads nothing for now. */
#ifndef LINGERS_H
#define LINGERS_H

#include "road.h"
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>

enum { LINGER_S = 30, SOON_MS = 10000, ANSWER = 200000 };

static UNUSED int unacknowledged(int fd)
{
	int queued;
	must(ioctl(fd, SIOCOUTQ, &queued) == 0);
	return queued;
}

/* Until the peer's window is full. There is room left: no writer would be blocked. */
static UNUSED void answer_unread(int fd)
{
	enum { QUIET_MS = 50 };
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	int size = 4 * ANSWER;
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	respond(fd, 0, ANSWER);
	for (int before = -1, now; (now = unacknowledged(fd)) != before; before = now)
		poll(NULL, 0, QUIET_MS);
	must(unacknowledged(fd) > 0 && poll(&room, 1, 0) == 1);
}

/* pair[1] is to be closed, pair[0] the peer. */
static UNUSED void lingering_pair(int pair[2])
{
	struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	answer_unread(pair[1]);
}

#endif
