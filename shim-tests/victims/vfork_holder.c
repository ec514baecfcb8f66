/* A vfork child executes a program that holds the connection as its standard
 * output; the parent closes. */
#include "holder.h"

int main(int count, char **arguments)
{
	hold_if_told(count, arguments);
	const char *program = this_program();
	int conn = accept_one(listen_tcp());
	pid_t child = vfork();
	if (child == 0) {
		dup2(conn, 1);
		execl(program, program, "hold", "1", NULL);
		_exit(98);
	}
	must(close(conn) == 0);
	say("closed");
	wait_for_child(child);
	return 0;
}
