/* A thread waits in send, of which nothing is queued yet: the peer's window is
 * zero, and what was sent before is acknowledged. Another closes the descriptor.
 * The send is done first, and no SIGPIPE comes. */
#include "victim.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { MORE = 1000 };

static int pair[2];
static _Atomic pid_t sender_id;
static ssize_t sent;

static void *sender(void *nothing)
{
	(void)nothing;
	sender_id = gettid();
	sent = send(pair[1], pattern, MORE, 0);
	return NULL;
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

int main(void)
{
	at_most_a_minute();
	tcp_pair(pair);
	size_t filled = fill(pair[1]);
	pthread_t thread = start_thread(sender, NULL);
	while (!sender_id || !sleeps(sender_id))
		sched_yield();
	must(close(pair[1]) == 0);
	size_t received = read_all(pair[0]);
	pthread_join(thread, NULL);
	say("sent %zd, the peer got %s", sent, received == filled + MORE ? "all" : "less");
	return 0;
}
