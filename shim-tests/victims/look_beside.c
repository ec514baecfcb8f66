/* Beside N processes of its own, each with so many files open, a program makes a child
 * that no count covers, and closes a connection.
 *
 * look_beside N FILES */
#include "raw_clone.h"
#include "round_trip.h"

static int ends(void *nothing)
{
	(void)nothing;
	_exit(0);
}

int main(int count, char **arguments)
{
	static char stack[1 << 16];
	int first[2], pair[2], life[2], ready[2];
	char byte;
	must(count == 3);
	at_most_a_minute();
	/* The family begins with it: what is made later is younger. */
	tcp_pair(first);
	must(pipe(life) == 0 && pipe(ready) == 0);
	for (int at = atoi(arguments[1]); at > 0; at--) {
		if (fork() != 0)
			continue;
		must(close(life[1]) == 0);
		for (int file = atoi(arguments[2]); file > 0; file--)
			must(dup(life[0]) >= 0);
		must(write(ready[1], "x", 1) == 1);
		kill(getpid(), read(life[0], &byte, 1) < 0 ? SIGABRT : SIGKILL);
	}
	for (int at = atoi(arguments[1]); at > 0; at--)
		must(read(ready[0], &byte, 1) == 1);
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	wait_for_child(clone(ends, stack + sizeof stack, SIGCHLD, NULL));
	must(close(pair[1]) == 0);
	must(close(life[1]) == 0);
	return 0;
}
