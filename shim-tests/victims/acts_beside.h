/* Acts of interpreter.c: what goes on beside a close: another thread, a timer, a ring. */
#ifndef ACTS_BESIDE_H
#define ACTS_BESIDE_H

#include "acts_processes.h"
#include "ring.h"
#include <setjmp.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static long do_rawepoll(const int *a) { return keep(a[0], by_instruction(raw(SYS_epoll_create1, 0, 0, 0, 0, 0))); }

static long do_rawctl(const int *a)
{
	static const int calls[] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (unsigned)var[a[2]]};
	return by_instruction(raw(SYS_epoll_ctl, var[a[0]], calls[a[1]], var[a[2]], (long)&event, 0));
}

/* Of no variable of a program. */
#define STRAY 77

struct addition {
	int set, fd;
	atomic_int is_there;
};

static void *add_to_set(void *words)
{
	struct addition *addition = words;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = STRAY};
	addition->is_there = 1;
	epoll_ctl(addition->set, EPOLL_CTL_ADD, addition->fd, &event);
	return NULL;
}

/* Another thread adds it to a set while this one closes it: who is first is chance. */
static void add_while_closing(int set, int fd)
{
	struct addition addition = {.set = set, .fd = fd};
	pthread_t thread;
	has_threads = 1;
	must(pthread_create(&thread, NULL, add_to_set, &addition) == 0);
	while (!addition.is_there)
		;
	must(close(fd) == 0);
	pthread_join(thread, NULL);
}

static int events_of_stray(int set)
{
	struct epoll_event found[EVENTS];
	int count = epoll_wait(set, found, EVENTS, 0), strays = 0;
	for (int at = 0; at < count; at++)
		strays += found[at].data.u64 == STRAY;
	return strays;
}

/* With connections that nobody else has, and so the sets report none of them. Their
 * peer, here too, has sent something and stays until that is known. */
static long do_addclose(const int *a)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof name;
	int listener = raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0), peers[16];
	must(raw(SYS_bind, listener, (long)&name, sizeof name, 0, 0) == 0 && raw(SYS_listen, listener, 16, 0, 0, 0) == 0);
	must(raw(SYS_getsockname, listener, (long)&name, (long)&length, 0, 0) == 0);
	for (int at = 0; at < a[1]; at++) {
		peers[at] = raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0);
		must(raw(SYS_connect, peers[at], (long)&name, sizeof name, 0, 0) == 0);
		must(raw(SYS_write, peers[at], (long)"x", 1, 0, 0) == 1);
		int fd = accept(listener, NULL, NULL);
		must(fd >= 0 && write(fd, "y", 1) == 1);
		add_while_closing(var[a[0]], fd);
	}
	int strays = events_of_stray(var[a[0]]);
	for (int at = 0; at < a[1]; at++)
		raw(SYS_close, peers[at], 0, 0, 0, 0);
	raw(SYS_close, listener, 0, 0, 0, 0);
	errno = 0;
	return strays;
}

static _Thread_local sigjmp_buf way_out;
static _Thread_local volatile sig_atomic_t may_jump;

static void jump_out(int signal)
{
	(void)signal;
	if (may_jump)
		siglongjmp(way_out, 1);
}

/* A timer takes this thread out of its close, or comes too early or too late: so what
 * is still open is closed again. Answers whether the thread can be cancelled, once it
 * has closed anything else. */
static long do_jumpclose(const int *a)
{
	static const long delays[] = {1000, 3000, 6000, 12000, 25000, 60000};
	int fd = var[a[0]], state;
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
	struct itimerspec soon = {.it_value.tv_nsec = delays[a[1]]};
	timer_t timer;
	event.sigev_notify_thread_id = raw(SYS_gettid, 0, 0, 0, 0, 0);
	must(signal(SIGUSR2, jump_out) != SIG_ERR && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	if (!sigsetjmp(way_out, 1)) {
		may_jump = 1;
		timer_settime(timer, 0, &soon, NULL);
		close(fd);
	}
	may_jump = 0;
	timer_delete(timer);
	close(raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0) >= 0 ? fd : -1);
	errno = pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	return state == PTHREAD_CANCEL_ENABLE;
}

/* A mapping holds a connection as well, until the process ends. */
static long do_map(const int *a)
{
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, var[a[0]], 0) == MAP_FAILED ? -1 : 0;
}

/* By libc's syscall(), or by a raw system call, as liburing does it. Many kernels refuse. */
static long do_ring(const int *a)
{
	struct io_uring_params params = {0};
	long fd = a[1] ? by_instruction(raw(SYS_io_uring_setup, 8, (long)&params, 0, 0, 0))
		       : syscall(SYS_io_uring_setup, 8, &params);
	if (fd >= 0)
		use_ring(fd, &params);
	return keep(a[0], fd);
}

static void take_done(struct slot *slot)
{
	unsigned head = *ring.done_head, tail = __atomic_load_n(ring.done_tail, __ATOMIC_ACQUIRE);
	for (; head != tail && slot->event_count < EVENTS; head++) {
		const struct io_uring_cqe *done = &ring.done[head & *ring.done_mask];
		slot->event[slot->event_count++] = (struct event){.data = done->user_data, .events = done->res};
	}
	__atomic_store_n(ring.done_head, head, __ATOMIC_RELEASE);
}

/* What it writes lives as long as the request. */
static char ring_block[2 << 20];

/* More than fits, and all of it: it goes on after the close, as the peer reads. */
static void make_pending(struct io_uring_sqe *request)
{
	int room = 16 << 10;
	raw(SYS_setsockopt, request->fd, SOL_SOCKET, SO_SNDBUF, (long)&room, sizeof room);
	memset(ring_block, 251, sizeof ring_block);
	request->msg_flags = MSG_WAITALL;
}

/* By libc's syscall(), or by a raw system call. */
static long enter_ring(int is_raw)
{
	long answer = is_raw ? by_instruction(raw(SYS_io_uring_enter, ring.fd, 1, 0, 0, 0))
			     : syscall(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0);
	take_done(&slots[me]);
	return answer;
}

/* One request, which may stay pending and then holds what it is for. */
static long do_submit(const int *a)
{
	static const int calls[] = {IORING_OP_POLL_ADD, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_NOP};
	if (ring.fd < 0)
		return -2;
	struct io_uring_sqe *request = queue(calls[a[1]], var[a[0]]);
	request->user_data = calls[a[1]];
	if (calls[a[1]] == IORING_OP_POLL_ADD)
		request->poll32_events = POLLIN;
	if (calls[a[1]] == IORING_OP_SEND)
		make_pending(request);
	if (calls[a[1]] == IORING_OP_RECV || calls[a[1]] == IORING_OP_SEND) {
		request->addr = (uintptr_t)(calls[a[1]] == IORING_OP_RECV ? block : ring_block);
		request->len = a[2];
	}
	return enter_ring(a[3]);
}

/* A change of an epoll set, which is done at once and holds nothing. */
static long do_ringctl(const int *a)
{
	static const int calls[] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
	static struct epoll_event event;
	if (ring.fd < 0)
		return -2;
	struct io_uring_sqe *request = queue(IORING_OP_EPOLL_CTL, var[a[0]]);
	event = (struct epoll_event){.events = EPOLLIN, .data.u64 = (unsigned)var[a[2]]};
	request->user_data = IORING_OP_EPOLL_CTL;
	request->off = var[a[2]];
	request->addr = (uintptr_t)&event;
	request->len = calls[a[1]];
	return enter_ring(a[3]);
}

#endif
