/* The ways in which a process ends itself, by name. */
#ifndef ENDING_H
#define ENDING_H

#include "victim.h"

/* A status that nobody else chooses. */
#define STATUS 7

static UNUSED int end_by(const char *way)
{
	if (!strcmp(way, "exit"))
		exit(STATUS);
	if (!strcmp(way, "_exit"))
		_exit(STATUS);
	if (!strcmp(way, "_Exit"))
		_Exit(STATUS);
	if (!strcmp(way, "quick_exit"))
		quick_exit(STATUS);
	must(!strcmp(way, "return"));
	return STATUS;
}

/* A peer that takes little at a time. */
static UNUSED int connect_slowly(int port)
{
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), few = 4096;
	must(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof few) == 0);
	must(connect(fd, (struct sockaddr *)&there, sizeof there) == 0);
	return fd;
}

/* One that asks, says more than that, and reads nothing. */
static UNUSED int slow_peer_of(int listener)
{
	int peer = connect_slowly(port_of(listener));
	must(write(peer, "GO 0 0\nmore", 11) == 11);
	return peer;
}

static UNUSED void answer_one(int listener)
{
	int conn = accept_one(listener);
	read_request(conn);
	respond(conn, 0, 1 << 20);
}

#endif
