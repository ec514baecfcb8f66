/*
 * Requests for MS milliseconds, always IN_FLIGHT of them at once. REQUEST and END are
 * bytes in hexadecimal. Without END each request has a connection of its own, and its
 * answer is read to the server's FIN. With END connections are kept, and an answer is
 * whole with these bytes.
 *
 * Says: whole answers, connections that ended without one, nanoseconds, and the 99th
 * percentile of the nanoseconds that an answer took, with its connection if it has its own.
 */
#include "bench.h"

#define MOST (1 << 20)
#define LONGEST 32

struct bytes {
	size_t size;
	unsigned char all[1024];
};

struct talk {
	int fd;
	long began;
	size_t heard;
	unsigned char last[LONGEST];
};

static struct bytes request, ending;
static uint32_t took[MOST];
static int port, epoll;
static long answers, failures, until;

static void parse(struct bytes *bytes, const char *digits)
{
	bytes->size = strlen(digits) / 2;
	must(bytes->size <= sizeof bytes->all);
	for (size_t at = 0; at < bytes->size; at++)
		must(sscanf(digits + 2 * at, "%2hhx", &bytes->all[at]) == 1);
}

static void ask(struct talk *talk)
{
	talk->heard = 0;
	if (send(talk->fd, request.all, request.size, MSG_NOSIGNAL) < 0)
		must(errno == EPIPE || errno == ECONNRESET);
}

static void begin(struct talk *talk)
{
	talk->began = now_ns();
	talk->fd = connect_to(port);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = talk};
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, talk->fd, &event) == 0);
	ask(talk);
}

static void count(const struct talk *talk)
{
	if (answers < MOST)
		took[answers] = now_ns() - talk->began;
	answers++;
}

/* Keeps the last bytes of what was heard: an answer may come in pieces. */
static void remember(struct talk *talk, const unsigned char *piece, size_t size)
{
	size_t kept = size < ending.size ? ending.size - size : 0;
	memmove(talk->last, talk->last + ending.size - kept, kept);
	memcpy(talk->last + kept, piece + size + kept - ending.size, ending.size - kept);
	talk->heard += size;
}

static int is_whole(const struct talk *talk)
{
	return ending.size && talk->heard >= ending.size && !memcmp(talk->last, ending.all, ending.size);
}

/* Another request, unless the time is over. */
static int goes_on(struct talk *talk)
{
	if (now_ns() >= until)
		return 0;
	talk->began = now_ns();
	ask(talk);
	return 1;
}

static void on_end(struct talk *talk, int is_reset)
{
	if (is_reset || !talk->heard || ending.size)
		failures++;
	else
		count(talk);
}

/* Whether the connection is still open. */
static int on_readable(struct talk *talk)
{
	unsigned char piece[8192];
	ssize_t got;
	while ((got = recv(talk->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
		remember(talk, piece, got);
		if (is_whole(talk)) {
			count(talk);
			return goes_on(talk);
		}
	}
	if (got < 0 && errno == EAGAIN)
		return 1;
	on_end(talk, got < 0);
	return 0;
}

static int go_on(struct talk *talk)
{
	if (on_readable(talk))
		return 1;
	must(close(talk->fd) == 0);
	if (now_ns() >= until)
		return 0;
	begin(talk);
	return 1;
}

static void report(long ns)
{
	long known = answers < MOST ? answers : MOST;
	qsort(took, known, sizeof *took, by_size);
	say("result %ld %ld %ld %u", answers, failures, ns, took[known * 99 / 100]);
}

static void talk_until_the_end(int open)
{
	struct talk talks[256];
	struct epoll_event events[256];
	must(open <= 256);
	for (int at = 0; at < open; at++)
		begin(&talks[at]);
	while (open > 0) {
		int ready = epoll_wait(epoll, events, 256, -1);
		for (int at = 0; at < ready; at++)
			open -= !go_on(events[at].data.ptr);
	}
}

int main(int count, char **arguments)
{
	must(count == 5 || count == 6);
	at_most_an_hour();
	port = atoi(arguments[1]);
	parse(&request, arguments[4]);
	parse(&ending, count == 6 ? arguments[5] : "");
	must(ending.size <= LONGEST);
	epoll = epoll_create1(0);
	long began = now_ns();
	until = began + atol(arguments[3]) * 1000000L;
	talk_until_the_end(atoi(arguments[2]));
	report(now_ns() - began);
	return 0;
}
