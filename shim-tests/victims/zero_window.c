/* A thread waits in send, of which nothing is queued yet: the peer's window is
 * zero, and what was sent before is acknowledged. Another closes the descriptor.
 * The send is done first, and no SIGPIPE comes. */
#include "victim.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { MORE = 1000 };
enum stage { SENDING, SENT, MAY_GO };

static int pair[2];
static _Atomic pid_t sender_id;
static _Atomic enum stage stage;
static ssize_t sent;

static void *sender(void *nothing)
{
	sender_id = gettid();
	sent = send(pair[1], pattern, MORE, 0);
	stage = SENT;
	/* Its id stays valid for whoever looks at it. */
	while (stage == SENT)
		sched_yield();
	return nothing;
}

/* The queue is full, and nothing of it is on its way. */
static int is_stuck(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof info;
	int queued = 0;
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && ioctl(fd, SIOCOUTQ, &queued) == 0);
	return info.tcpi_unacked == 0 && queued > 0 && poll(&poll_fd, 1, 0) == 0;
}

static size_t fill(int fd)
{
	size_t filled = 0;
	do
		for (ssize_t count; (count = send(fd, pattern, sizeof pattern, MSG_DONTWAIT)) > 0;)
			filled += count;
	while (!is_stuck(fd));
	return filled;
}

static size_t read_all(int fd)
{
	static char buffer[1 << 16];
	size_t total = 0;
	for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;)
		total += count;
	return total;
}

static void let_go(pthread_t thread)
{
	while (stage == SENDING)
		sched_yield();
	stage = MAY_GO;
	pthread_join(thread, NULL);
}

/* 0 where the window was not quite closed, and the send is done at once. */
static int is_waiting(pthread_t thread)
{
	while (stage == SENDING)
		if (sender_id && sleeps(sender_id))
			return 1;
	let_go(thread);
	return 0;
}

/* Fills the window again and again until a send waits; answers what was queued
 * before it. */
static size_t wait_in_send(pthread_t *thread)
{
	size_t filled = 0;
	for (;;) {
		filled += fill(pair[1]);
		stage = SENDING;
		sender_id = 0;
		*thread = start_thread(sender, NULL);
		if (is_waiting(*thread))
			return filled;
		must(sent == MORE);
		filled += MORE;
	}
}

int main(void)
{
	at_most_a_minute();
	tcp_pair(pair);
	pthread_t thread;
	size_t filled = wait_in_send(&thread);
	must(close(pair[1]) == 0);
	size_t received = read_all(pair[0]);
	let_go(thread);
	say("sent %zd, the peer got %s", sent, received == filled + MORE ? "all" : "less");
	return 0;
}
