/* What is done with connections before there is a main: open, copy, fork, close. */
#ifndef EARLY_H
#define EARLY_H

#include "round_trip.h"

/* The other roads to the end of a connection, one of them in a child that executes. */
static UNUSED void end_connections_otherwise(void)
{
	int pair[2];
	tcp_pair(pair);
	FILE *stream = fdopen(pair[1], "w");
	must(stream && fputs("text", stream) >= 0 && fclose(stream) == 0);
	must(read(pair[0], (char[8]){0}, 8) == 4 && shutdown(pair[0], SHUT_RDWR) == 0);
	must(close_range(pair[0], pair[0], 0) == 0);
	tcp_pair(pair);
	pid_t child = fork();
	if (child == 0) {
		closefrom(pair[0]);
		/* Without what is preloaded, else it would do the same. */
		execle("/bin/true", "true", NULL, (char *[]){NULL});
		_exit(1);
	}
	wait_for_child(child);
	must(!strcmp(round_trip(pair[1], pair[0]), "works"));
	must(dup2(0, pair[0]) == pair[0] && close(pair[0]) == 0 && close(pair[1]) == 0);
}

static UNUSED void work_with_connections(void)
{
	int pair[2];
	end_connections_otherwise();
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
