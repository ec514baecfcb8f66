/* Shutdowns of everything but a connected TCP socket take effect at once, and
 * those that fail do so as natively. The grace is long in this test. */
#include "shutting.h"

#define try(call) (errno = 0, result = (call), say("%s: %d %s", #call, result, result ? strerrorname_np(errno) : ""))

enum { SOON_MS = 5000 };

static int result;

static void failures(void)
{
	int fresh = socket(AF_INET, SOCK_STREAM, 0), file = open("/dev/null", O_RDWR), pair[2];
	try(shutdown(-1, SHUT_RDWR));
	try(shutdown(1000, SHUT_RDWR));
	try(shutdown(file, SHUT_RDWR));
	try(shutdown(fresh, SHUT_RDWR));
	try(shutdown(fresh, SHUT_RD));
	try(shutdown(fresh, 3));
	tcp_pair(pair);
	try(shutdown(pair[1], 3));
	try(shutdown(pair[1], -1));
	try((int)syscall(SYS_shutdown, pair[1], 3));
	must(write(pair[0], "works", 5) == 5 && write(pair[1], "works", 5) == 5);
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	must(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0 && close(pair[0]) == 0);
	try(shutdown(pair[1], SHUT_RDWR));
	try((int)syscall(SYS_shutdown, pair[1], SHUT_RD));
}

/* The peer has shut down as well: there is nothing to soften. */
static void both(void)
{
	int pair[2];
	char byte;
	tcp_pair(pair);
	must(shutdown(pair[0], SHUT_WR) == 0);
	wait_readable(pair[1]);
	try(shutdown(pair[1], SHUT_RDWR));
	try((int)recv(pair[1], &byte, 1, MSG_DONTWAIT));
	try(shutdown(pair[1], SHUT_RDWR));
}

static void datagrams(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	char byte;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	must(bind(udp, (struct sockaddr *)&address, length) == 0);
	must(getsockname(udp, (struct sockaddr *)&address, &length) == 0);
	try(shutdown(udp, SHUT_RDWR));
	try((int)recv(udp, &byte, 1, MSG_DONTWAIT));
	must(connect(udp, (struct sockaddr *)&address, length) == 0);
	try(shutdown(udp, SHUT_RDWR));
	try((int)recv(udp, &byte, 1, MSG_DONTWAIT));
	try((int)send(udp, "x", 1, MSG_NOSIGNAL));
}

static void local(int type)
{
	int pair[2];
	char byte;
	must(socketpair(AF_UNIX, type, 0, pair) == 0);
	try(shutdown(pair[1], SHUT_RDWR));
	try((int)recv(pair[1], &byte, 1, MSG_DONTWAIT));
	try((int)recv(pair[0], &byte, 1, MSG_DONTWAIT));
	try((int)send(pair[0], "x", 1, MSG_NOSIGNAL));
}

static void *shutter(void *listener)
{
	must(shutdown(*(int *)listener, SHUT_RDWR) == 0);
	return NULL;
}

static void listeners(void)
{
	int listener = listener_for(AF_INET, 0);
	long start = now_ms();
	pthread_t thread = start_thread(shutter, &listener);
	try(accept(listener, NULL, NULL));
	say("accept woke %s", now_ms() - start < SOON_MS ? "soon" : "late");
	pthread_join(thread, NULL);
	try(accept(listener, NULL, NULL));
	try(listen(listener, 5));
}

/* SHUT_WR alone is what it is: the peer's answer is read to its end. */
static void half(void)
{
	int pair[2];
	char text[8];
	tcp_pair(pair);
	try(shutdown(pair[1], SHUT_WR));
	must(write(pair[0], "answer", 6) == 6);
	try((int)recv(pair[1], text, sizeof text, 0));
	must(close(pair[0]) == 0);
	try((int)recv(pair[1], text, sizeof text, 0));
}

int main(void)
{
	at_most_a_minute();
	failures();
	both();
	datagrams();
	local(SOCK_STREAM);
	local(SOCK_DGRAM);
	listeners();
	half();
	return 0;
}
