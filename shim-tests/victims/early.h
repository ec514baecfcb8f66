/* What is done with connections before there is a main: open, copy, fork, close. */
#ifndef EARLY_H
#define EARLY_H

#include "round_trip.h"

static UNUSED void work_with_connections(void)
{
	int pair[2];
	tcp_pair(pair);
	int copy = dup(pair[1]);
	must(close(pair[1]) == 0);
	must(!strcmp(round_trip(copy, pair[0]), "works"));
	pid_t child = fork();
	if (child == 0) {
		close(copy);
		_exit(0);
	}
	wait_for_child(child);
	must(!strcmp(round_trip(copy, pair[0]), "works"));
	must(dup2(copy, pair[1]) == pair[1] && fcntl(copy, F_DUPFD_CLOEXEC, 40) == 40);
	must(close(40) == 0 && close(pair[1]) == 0);
	must(!strcmp(round_trip(copy, pair[0]), "works"));
	must(syscall(SYS_close, copy) == 0 && close(pair[0]) == 0);
}

#endif
