/* A server answers with its error queue full of news that nobody reads, and closes, beside
 * another thread. The peer, in this process, reads nothing until the close; then it gets all,
 * and the end, while it keeps its own half open.
 *
 * error_queue (zerocopy|timestamps|neither) */
#include "victim.h"
#include <linux/net_tstamp.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum { PARTS = 20, PART = 20000, SOON_MS = 2500 };

static char data[PART];

static void *sleeper(void *nothing)
{
	pause();
	return nothing;
}

static void set(int fd, int level, int name, int value) { must(setsockopt(fd, level, name, &value, sizeof value) == 0); }

static int prepare(int conn, const char *way)
{
	set(conn, SOL_SOCKET, SO_SNDBUF, 4 << 20);
	if (!strcmp(way, "zerocopy")) {
		set(conn, SOL_SOCKET, SO_ZEROCOPY, 1);
		return MSG_ZEROCOPY;
	}
	if (!strcmp(way, "timestamps"))
		set(conn, SOL_SOCKET, SO_TIMESTAMPING,
		    SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
			    SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_TSONLY);
	return 0;
}

/* Whether the end came, and in time. */
static const char *reads_to_the_end(int fd, size_t *total)
{
	static char buffer[1 << 16];
	long until = now_ms() + SOON_MS;
	for (;;) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		long left = until - now_ms();
		if (left <= 0 || poll(&poll_fd, 1, left) != 1)
			return "no end";
		ssize_t count = read(fd, buffer, sizeof buffer);
		if (count <= 0)
			return count ? "an error" : "the end";
		*total += count;
	}
}

int main(int count, char **arguments)
{
	int pair[2];
	size_t total = 0;
	must(count == 2);
	at_most_a_minute();
	start_thread(sleeper, NULL);
	int listener = listener_for(AF_INET, 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	set(pair[0], SOL_SOCKET, SO_RCVBUF, 60000);
	struct sockaddr_in there;
	socklen_t length = sizeof there;
	must(getsockname(listener, (void *)&there, &length) == 0 && connect(pair[0], (void *)&there, length) == 0);
	pair[1] = accept_one(listener);
	int flags = prepare(pair[1], arguments[1]);
	for (int at = 0; at < PARTS; at++)
		must(send(pair[1], data, PART, flags) == PART);
	must(close(pair[1]) == 0);
	const char *end = reads_to_the_end(pair[0], &total);
	say("%zu bytes, then %s", total, end);
	return 0;
}
