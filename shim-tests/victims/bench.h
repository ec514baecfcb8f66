/*
 * What the programs of `make bench` share: a clock, a listener for load, and the one
 * line that each of them reports its numbers in.
 */
#ifndef BENCH_H
#define BENCH_H

#include "victim.h"
#include <sys/epoll.h>

/* Longer than any one measure, in case nobody is left to end us. */
static UNUSED void at_most_an_hour(void) { alarm(3600); }

static UNUSED long now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* A listener with room for a whole batch of connections. */
static UNUSED int listen_for_load(void)
{
	at_most_an_hour();
	int fd = listener_for(AF_INET, 0);
	must(listen(fd, 65535) == 0);
	announce(fd);
	return fd;
}

/* Connections that stay open and do nothing from now on. */
static UNUSED void accept_idle(int listener, int count)
{
	for (int at = 0; at < count; at++)
		accept_one(listener);
	say("idle");
}

/* For qsort of durations. */
static UNUSED int by_size(const void *one, const void *other)
{
	uint32_t left = *(const uint32_t *)one, right = *(const uint32_t *)other;
	return (left > right) - (left < right);
}

/* A request of one byte; its peer may be gone, which is no fault. */
static UNUSED char read_byte(int conn)
{
	char byte = 0;
	return read(conn, &byte, 1) == 1 ? byte : 0;
}

/* A small answer: 1 KiB. */
static UNUSED void answer(int conn) { must(write(conn, pattern, 1024) == 1024); }

#endif
