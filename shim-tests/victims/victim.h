/*
 * What every victim needs and none of them proves: a listener, a request, a
 * response of known content, and words with the test over stdin and stdout.
 * Nothing in here knows of softclose.
 */
#ifndef VICTIM_H
#define VICTIM_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define UNUSED __attribute__((unused))

/* Same as in src/pattern.rs. */
#define PERIOD 251

/* A victim that hangs must not outlive its test. Kept across exec, not across
 * fork: a child that lives on calls it again. */
static UNUSED void at_most_a_minute(void) { alarm(60); }

static UNUSED void die(const char *what)
{
	fprintf(stderr, "victim %d: %s: %s\n", (int)getpid(), what, strerror(errno));
	_exit(99);
}

/* A check that also stands without NDEBUG and says where it failed. */
#define must(condition) \
	do { \
		if (!(condition)) \
			die(__FILE__ ": " #condition); \
	} while (0)

/* One line to the test, at once. */
static UNUSED void say(const char *format, ...)
{
	va_list values;
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	putchar('\n');
	fflush(stdout);
}

/* Waits for one line from the test; 0 when the test wants us to end. */
static UNUSED int hear(void)
{
	char byte;
	for (;;) {
		ssize_t count = read(0, &byte, 1);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return 0;
		if (byte == '\n')
			return 1;
	}
}

/* Until the test lets go, so that the end of the process is no part of what a
 * close is tested for. */
static UNUSED void wait_for_the_end(void)
{
	while (hear())
		;
}

static UNUSED long now_us(void)
{
	struct timespec now;
	must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

static UNUSED long now_ms(void) { return now_us() / 1000; }

/* A listener on a free port of the loopback, not yet announced. */
static UNUSED int listener_for(int family, int protocol)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_STREAM, protocol);
	if (fd < 0)
		die("socket");
	if (family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof v6) : bind(fd, (struct sockaddr *)&v4, sizeof v4))
		die("bind");
	if (listen(fd, 1024))
		die("listen");
	return fd;
}

static UNUSED int port_of(int fd)
{
	struct sockaddr_in6 address; /* large enough for both, port in the same place */
	socklen_t length = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &length))
		die("getsockname");
	return ntohs(address.sin6_port);
}

static UNUSED void announce(int fd) { say("port %d", port_of(fd)); }

/* A TCP listener on 127.0.0.1 that the test knows the port of. */
static UNUSED int listen_tcp(void)
{
	at_most_a_minute();
	int fd = listener_for(AF_INET, 0);
	announce(fd);
	return fd;
}

static UNUSED int accept_one(int listener)
{
	int fd;
	do
		fd = accept(listener, NULL, NULL);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		die("accept");
	return fd;
}

/* Connects to a port of 127.0.0.1. */
static UNUSED int connect_to(int port)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&peer, sizeof peer))
		die("connect");
	return fd;
}

static UNUSED void wait_readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	while (poll(&poll_fd, 1, -1) < 0 && errno == EINTR)
		;
}

/* Reads up to a newline, byte by byte: what follows stays in the kernel. */
static UNUSED void read_line(int fd, char *line, size_t size)
{
	size_t length = 0;
	while (length + 1 < size) {
		ssize_t count = read(fd, line + length, 1);
		if (count < 0 && errno == EAGAIN) {
			wait_readable(fd);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			die("read_line");
		if (line[length] == '\n')
			break;
		length++;
	}
	line[length] = 0;
}

/* Returns when at least `bytes` bytes lie in the receive queue. */
static UNUSED void await_unread(int fd, size_t bytes)
{
	char *sink = malloc(bytes ? bytes : 1);
	size_t peeked = 0;
	while (peeked < bytes) {
		ssize_t count = recv(fd, sink, bytes, MSG_PEEK | MSG_WAITALL);
		if (count < 0 && errno == EAGAIN) {
			wait_readable(fd);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			die("await_unread");
		peeked = count;
	}
	free(sink);
}

/* "GO response unread": what to answer, and how much of the request to find in
 * the receive queue, unread, before that. */
static UNUSED size_t read_request(int fd)
{
	char line[128];
	size_t response, unread;
	read_line(fd, line, sizeof line);
	if (sscanf(line, "GO %zu %zu", &response, &unread) != 2)
		die("read_request: no request");
	await_unread(fd, unread);
	return response;
}

static unsigned char pattern[PERIOD * 257];

/* Before main, and so before there are threads. */
__attribute__((constructor)) static void fill_pattern(void)
{
	for (size_t at = 0; at < sizeof pattern; at++)
		pattern[at] = at % PERIOD;
}

/* Bytes `from` to `to` of the response. Returns 0, or -1 as write does. */
static UNUSED int try_respond(int fd, size_t from, size_t to)
{
	while (from < to) {
		size_t phase = from % PERIOD;
		size_t room = sizeof pattern - phase;
		ssize_t count = write(fd, pattern + phase, to - from < room ? to - from : room);
		if (count < 0 && errno == EAGAIN) {
			struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
			poll(&poll_fd, 1, -1);
			continue;
		}
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		from += count;
	}
	return 0;
}

static UNUSED void respond(int fd, size_t from, size_t to)
{
	if (try_respond(fd, from, to))
		die("respond");
}

/* Answers some connections early, one after the other: without having read all of the request. */
static UNUSED void serve_early(int listener, int connections)
{
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
	}
	say("closed");
	wait_for_the_end();
}

/* The response in two halves with the peer's "next" line between them. Whoever
 * shut the connection in the meantime, even a little later, is found out. */
static UNUSED void respond_in_two(int fd, size_t response)
{
	char line[16];
	respond(fd, 0, response / 2);
	read_line(fd, line, sizeof line);
	respond(fd, response / 2, response);
}

/* A connection within this process: both ends are ours. */
static UNUSED void tcp_pair(int pair[2])
{
	int listener = listener_for(AF_INET, 0);
	pair[0] = connect_to(port_of(listener));
	pair[1] = accept_one(listener);
	close(listener);
}

static UNUSED void wait_for_child(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = 0;
		die("a child failed");
	}
}

/* Whether a thread of ours sleeps in a system call: S, after the name. */
static UNUSED int sleeps(pid_t thread)
{
	char path[64], text[256];
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
	int fd = open(path, O_RDONLY);
	ssize_t count = read(fd, text, sizeof text - 1);
	close(fd);
	if (count <= 0)
		die("sleeps");
	text[count] = 0;
	return strrchr(text, ')')[2] == 'S';
}

static UNUSED pthread_t start_thread(void *(*work)(void *), void *argument)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, work, argument);
	if (errno)
		die("pthread_create");
	return thread;
}

/* One that waits for ever, on a stack so small that there can be a thousand. */
static UNUSED void *sleep_for_ever(void *nothing)
{
	pause();
	return nothing;
}

static UNUSED void start_small_thread(void)
{
	pthread_t thread;
	pthread_attr_t small;
	must(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 128 << 10) == 0);
	must(pthread_create(&thread, &small, sleep_for_ever, NULL) == 0);
}

#endif
