/* Acts of interpreter.c: what makes, copies, uses and closes descriptors. */
#ifndef ACTS_DESCRIPTORS_H
#define ACTS_DESCRIPTORS_H

#include "stage.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#endif

/* Numbers. A variable keeps its number when that is closed. */
static int var[VARS];

static char block[2 << 20];

/* A failure keeps the number that was there. */
static long keep(int at, int fd)
{
	if (fd >= 0)
		var[at] = fd;
	return fd;
}

static long do_listen(const int *a)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 16))
		return -1;
	return keep(a[0], fd);
}

/* For the director, before an accept: where to connect to. */
static long do_port(const int *a)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	if (raw(SYS_getsockopt, var[a[0]], IPPROTO_TCP, TCP_INFO, (long)&info, (long)&length))
		return 0;
	return info.tcpi_state == TCP_LISTEN ? port_at(SYS_getsockname, var[a[0]]) : 0;
}

static long do_accept(const int *a)
{
	return keep(a[0], a[2] ? accept4(var[a[1]], NULL, NULL, SOCK_CLOEXEC) : accept(var[a[1]], NULL, NULL));
}

/* The director puts its port into the third argument. */
static long do_connect(const int *a)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(a[2]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = keep(a[0], socket(AF_INET, SOCK_STREAM | (a[1] ? SOCK_CLOEXEC : 0), 0));
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&peer, sizeof peer);
}

static long do_socket(const int *a)
{
	static const int families[] = {AF_INET, AF_INET, AF_UNIX}, types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM};
	return keep(a[0], socket(families[a[1]], types[a[1]], 0));
}

static long keep_both(const int *a, int answer, const int *both)
{
	if (!answer) {
		keep(a[0], both[0]);
		keep(a[1], both[1]);
	}
	return answer;
}

static long do_pair(const int *a)
{
	int both[2];
	return keep_both(a, socketpair(AF_UNIX, SOCK_STREAM, 0, both), both);
}

/* Two that no socketpair() has made: connected by a name that the kernel chooses. */
static void meet(int type, int both[2])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t length = sizeof name;
	int bound = socket(AF_UNIX, type, 0);
	must(bound >= 0 && bind(bound, (struct sockaddr *)&name, sizeof(sa_family_t)) == 0);
	must(getsockname(bound, (struct sockaddr *)&name, &length) == 0);
	must(type == SOCK_DGRAM || listen(bound, 1) == 0);
	both[0] = socket(AF_UNIX, type, 0);
	must(both[0] >= 0 && connect(both[0], (struct sockaddr *)&name, length) == 0);
	both[1] = type == SOCK_DGRAM ? bound : accept(bound, NULL, NULL);
	must(type == SOCK_DGRAM || close(bound) == 0);
}

static long do_unix(const int *a)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int both[2], answer = 0;
	if (a[2] < 2)
		meet(types[a[2]], both);
	else
		answer = socketpair(AF_UNIX, types[a[2]], 0, both);
	return keep_both(a, answer, both);
}

static long do_pipe(const int *a)
{
	int both[2];
	return keep_both(a, pipe(both), both);
}

static long do_open(const int *a) { return keep(a[0], open(a[1] ? "/proc/self/stat" : "/dev/null", a[1] ? O_RDONLY : O_RDWR)); }
static long do_eventfd(const int *a) { return keep(a[0], eventfd(0, EFD_NONBLOCK)); }
static long do_epoll(const int *a) { return keep(a[0], epoll_create1(a[1] ? EPOLL_CLOEXEC : 0)); }

static long do_dup(const int *a) { return keep(a[0], dup(var[a[1]])); }
static long do_dup2(const int *a) { return dup2(var[a[1]], var[a[0]]); }
static long do_dup3(const int *a) { return dup3(var[a[1]], var[a[0]], a[2] ? O_CLOEXEC : 0); }
static long do_sysdup(const int *a) { return keep(a[0], syscall(SYS_dup, var[a[1]])); }
#ifdef SYS_dup2
static long do_sysdup2(const int *a) { return syscall(SYS_dup2, var[a[1]], var[a[0]]); }
#else
static long do_sysdup2(const int *a) { return do_dup2(a); }
#endif
static long do_dupfd(const int *a) { return keep(a[0], fcntl(var[a[1]], a[2] ? F_DUPFD_CLOEXEC : F_DUPFD, 10)); }

static long do_close(const int *a) { return close(var[a[0]]); }
static long do_sysclose(const int *a) { return syscall(SYS_close, var[a[0]]); }

/* By a raw system call: nobody in this process can notice. */
static long by_instruction(long result)
{
	errno = result < 0 ? -result : errno;
	return result < 0 ? -1 : result;
}

static long do_rawclose(const int *a) { return by_instruction(raw(SYS_close, var[a[0]], 0, 0, 0, 0)); }

static const unsigned range_flags[] = {0, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, 64};

static long do_closerange(const int *a)
{
	return close_range(var[a[0]], a[2] ? (unsigned)var[a[1]] : ~0U, range_flags[a[3]]);
}

static long do_sysrange(const int *a)
{
	return syscall(SYS_close_range, var[a[0]], a[2] ? (unsigned)var[a[1]] : ~0U, range_flags[a[3]]);
}

static long do_closefrom(const int *a)
{
	closefrom(var[a[0]]);
	return 0;
}

static long do_shutdown(const int *a) { return shutdown(var[a[0]], a[1]); }

static long do_linger(const int *a)
{
	struct linger linger = {.l_onoff = a[1], .l_linger = a[2]};
	return setsockopt(var[a[0]], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static long do_nonblock(const int *a) { return fcntl(var[a[0]], F_SETFL, a[1] ? O_NONBLOCK : 0); }
static long do_cloexec(const int *a) { return fcntl(var[a[0]], F_SETFD, a[1] ? FD_CLOEXEC : 0); }

static int is_tcp(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	return !raw(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, (long)&info, (long)&length);
}

/* One value a step: the peer can tell what came from where. The director knows
 * what drains a connection, not a pipe: little goes there. */
static long do_write(const int *a)
{
	size_t length = is_tcp(var[a[0]]) || a[1] < 512 ? a[1] : 512;
	memset(block, a[3], length);
	return write(var[a[0]], block, length);
}

static long do_recv(const int *a) { return recv(var[a[0]], block, a[1], MSG_DONTWAIT); }

static int ready(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
	return poll(&poll_fd, 1, 0) < 0 ? -1 : poll_fd.revents;
}

static long do_read(const int *a) { return ready(var[a[0]]) & ~POLLOUT ? read(var[a[0]], block, a[1]) : -2; }
static long do_poll(const int *a) { return ready(var[a[0]]); }

static long do_ctl(const int *a)
{
	static const int calls[] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
	static const uint32_t bits[] = {EPOLLIN, EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLRDHUP};
	struct epoll_event event = {.events = bits[a[3]], .data.u64 = (unsigned)var[a[2]]};
	return epoll_ctl(var[a[0]], calls[a[1]], var[a[2]], &event);
}

static long do_wait(const int *a)
{
	struct epoll_event found[EVENTS];
	int count = epoll_wait(var[a[0]], found, EVENTS, 0);
	struct slot *slot = &slots[me];
	for (int at = 0; at < count; at++)
		slot->event[at] = (struct event){.data = found[at].data.u64, .events = found[at].events};
	slot->event_count = count > 0 ? count : 0;
	return count;
}

#endif
