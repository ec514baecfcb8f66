/* A process allows itself read, write, close, exit and exit_group, and is killed
 * for anything else. Then it closes, or ends. */
#include "sandbox.h"

static void enter(void)
{
	no_new_privileges();
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &allow_list) == 0);
}

static void in_a_sandbox(const char *what, int has_connection, int closes)
{
	pid_t child = fork();
	if (child != 0)
		return say_end_of(what, child);
	int pair[2] = {-1, open("/dev/null", O_RDONLY)};
	if (has_connection)
		tcp_pair(pair);
	enter();
	if (closes)
		close(pair[1]);
	_exit(0);
}

int main(void)
{
	at_most_a_minute();
	in_a_sandbox("close a file", 0, 1);
	in_a_sandbox("_exit", 0, 0);
	in_a_sandbox("close a connection", 1, 1);
	in_a_sandbox("_exit with a connection", 1, 0);
	return 0;
}
