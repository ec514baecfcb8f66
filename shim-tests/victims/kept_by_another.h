/* One process or thread keeps a connection in use, and everybody else closes it. Whoever
 * shuts the connection then is found out. */
#ifndef KEPT_BY_ANOTHER_H
#define KEPT_BY_ANOTHER_H

#include "round_trip.h"

static int pair[2];

/* A word from one to another, that it is its turn. */
struct turn {
	int ends[2];
};

static UNUSED void give(struct turn *turn) { must(write(turn->ends[1], "t", 1) == 1); }

static UNUSED void await(struct turn *turn)
{
	char byte;
	must(read(turn->ends[0], &byte, 1) == 1);
}

static UNUSED void make_turns(struct turn *turns, int count)
{
	for (int at = 0; at < count; at++)
		must(pipe2(turns[at].ends, O_CLOEXEC) == 0);
}

/* A connection that has been used, and that an exec would close. */
static UNUSED void make_connection(void)
{
	tcp_pair(pair);
	must(!strcmp(round_trip(pair[1], pair[0]), "works"));
	must(fcntl(pair[1], F_SETFD, FD_CLOEXEC) == 0);
}

/* Once all others have closed it. Who would shut it need not have done so in `close`. */
static UNUSED const char *use(void)
{
	struct pollfd end = {.fd = pair[0], .events = POLLIN | POLLRDHUP};
	must(poll(&end, 1, 400) >= 0);
	return round_trip(pair[1], pair[0]);
}

#endif
