/* A vfork child closes the connection, which it does on the parent's memory:
 * anything that a hook wrote there would be the parent's. The parent serves. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int executes = !strcmp(arguments[1], "exec");
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pid_t child = vfork();
	if (child == 0) {
		close(conn);
		if (executes)
			execlp("true", "true", NULL);
		_exit(0);
	}
	wait_for_child(child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
