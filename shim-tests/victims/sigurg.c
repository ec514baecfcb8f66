/* The owner that F_SETOWN named gets no SIGURG for a connection that was closed,
 * whatever the peer sends. */
#include "victim.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

static volatile sig_atomic_t signals;

static void on_urgent(int number)
{
	(void)number;
	signals++;
}

/* Acknowledged, or answered with a reset. */
static void until_it_arrived(int fd)
{
	int queued;
	struct pollfd poll_fd = {.fd = fd};
	do
		must(ioctl(fd, SIOCOUTQ, &queued) == 0);
	while (queued && poll(&poll_fd, 1, 1) == 0);
}

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	must(signal(SIGURG, on_urgent) != SIG_ERR);
	must(fcntl(pair[1], F_SETOWN, getpid()) == 0);
	must(close(pair[1]) == 0);
	must(send(pair[0], "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
	until_it_arrived(pair[0]);
	say("signals after the close: %d", signals);
	return 0;
}
