/* As fork_child_goes_on.c with a child that no fork hook saw: the parent must
 * notice it before it takes the connection for its own. */
#include "raw_clone.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int closed[2];
	must(pipe(closed) == 0);
	int conn = accept_one(listen_tcp());
	pid_t child = new_process(arguments[1]);
	must(child >= 0);
	if (child == 0) {
		char byte;
		must(read(closed[0], &byte, 1) == 1);
		respond_in_two(conn, read_request(conn));
		must(close(conn) == 0);
		_exit(0);
	}
	must(close(conn) == 0);
	must(write(closed[1], "x", 1) == 1);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
