/* fclose cannot write out what is left: the answer, errno and the number of
 * signals are those of libc, and the descriptor is gone all the same.
 *
 * fclose_fails (full|reset|flushed) */
#include "stream.h"

static volatile sig_atomic_t signals;

static void on_pipe(int number)
{
	(void)number;
	signals++;
}

static void try(const char *what, int result) { say("%s: %d %s, signals %d", what, result, strerrorname_np(errno), (int)signals); }

static size_t fill_once(int fd)
{
	size_t filled = 0;
	for (size_t size = PERIOD; size; size /= 2)
		for (ssize_t count; (count = send(fd, pattern, size, MSG_DONTWAIT)) > 0;)
			filled += count;
	return filled;
}

/* Until there is no room even after a while: acknowledgements are delayed. */
static size_t fill(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
	size_t filled = 0, more;
	do {
		filled += more = fill_once(fd);
		poll(&poll_fd, 1, 100);
	} while (more);
	return filled;
}

/* Non-blocking, and the send queue is full: the peer gets what was there. */
static void full(int pair[2], FILE *stream)
{
	char block[4096];
	size_t filled = fill(pair[1]), received = 0;
	must(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
	fputs("tail", stream);
	errno = 0;
	try("fclose", fclose(stream));
	ssize_t count;
	while ((count = read(pair[0], block, sizeof block)) > 0)
		received += count;
	say("the peer gets %s, then %s", received == filled ? "all" : "something else", count ? strerrorname_np(errno) : "the end");
}

static void reset(int pair[2], FILE *stream, int flushed)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	must(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	must(close(pair[0]) == 0);
	fputs("tail", stream);
	errno = 0;
	if (flushed) {
		try("fflush", fflush(stream));
		fputs("more", stream);
	}
	try("fclose", fclose(stream));
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = on_pipe};
	int pair[2];
	must(count == 2);
	at_most_a_minute();
	must(sigaction(SIGPIPE, &action, NULL) == 0);
	tcp_pair(pair);
	FILE *stream = stream_of(pair[1], "w", 4096);
	if (!strcmp(arguments[1], "full"))
		full(pair, stream);
	else
		reset(pair, stream, !strcmp(arguments[1], "flushed"));
	say("the number is %s", fcntl(pair[1], F_GETFD) < 0 ? "free" : "taken");
	return 0;
}
