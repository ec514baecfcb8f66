/* Gives a connection to another program, and how many variables of softclose's that has.
 *
 * told_of_ticket [PROGRAM] */
#include "round_trip.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int count, char **arguments)
{
	int pair[2], told = 0, status;
	pid_t child;
	char *next[] = {arguments[1], NULL};
	for (char **variable = environ; *variable; variable++)
		told += !strncmp(*variable, "SOFTCLOSE", 9);
	if (count == 1) {
		say("told of %d", told);
		return 0;
	}
	tcp_pair(pair);
	must(posix_spawn(&child, next[0], NULL, NULL, next, environ) == 0);
	must(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
