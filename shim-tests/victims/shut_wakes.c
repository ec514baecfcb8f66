/* Somebody waits for the connection when it is shut down, and wakes: what is
 * said is what the wait came to.
 *
 * shut_wakes WORD (recv|read|recvmsg|poll|select|level|edge) */
#include "shutting.h"
#include <sys/epoll.h>
#include <sys/select.h>

static int conn;
static const char *how;
static _Atomic pid_t waiter_id;

static int wait_by_recvmsg(void)
{
	char byte;
	struct iovec vector = {&byte, 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	return recvmsg(conn, &message, MSG_WAITALL);
}

static int wait_by_poll(void)
{
	struct pollfd poll_fd = {.fd = conn, .events = POLLIN | POLLRDHUP};
	must(poll(&poll_fd, 1, -1) == 1);
	return poll_fd.revents;
}

static int wait_by_select(void)
{
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(conn, &readable);
	return select(conn + 1, &readable, NULL, NULL, NULL);
}

static int wait_by_epoll(unsigned edge)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | edge};
	int set = epoll_create1(0);
	must(epoll_ctl(set, EPOLL_CTL_ADD, conn, &event) == 0);
	must(epoll_wait(set, &event, 1, -1) == 1);
	return event.events;
}

static int wait_by(void)
{
	char byte;
	if (!strcmp(how, "recv"))
		return recv(conn, &byte, 1, 0);
	if (!strcmp(how, "read"))
		return read(conn, &byte, 1);
	if (!strcmp(how, "recvmsg"))
		return wait_by_recvmsg();
	if (!strcmp(how, "poll"))
		return wait_by_poll();
	if (!strcmp(how, "select"))
		return wait_by_select();
	return wait_by_epoll(strcmp(how, "edge") ? 0 : EPOLLET);
}

static void *waiter(void *nothing)
{
	waiter_id = gettid();
	say("%s: %#x", how, wait_by());
	return nothing;
}

int main(int count, char **arguments)
{
	int pair[2];
	char byte;
	must(count == 3);
	how = arguments[2];
	at_most_a_minute();
	tcp_pair(pair);
	conn = pair[1];
	pthread_t thread = start_thread(waiter, NULL);
	while (!waiter_id || !sleeps(waiter_id))
		sched_yield();
	must(shut_by(arguments[1], conn) == 0);
	pthread_join(thread, NULL);
	say("recv: %zd", recv(conn, &byte, 1, MSG_DONTWAIT));
	return 0;
}
