/* As fork_parent_goes_on.c with a child that no fork hook saw. */
#include "raw_clone.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pid_t child = new_process(arguments[1]);
	must(child >= 0);
	if (child == 0) {
		must(close(conn) == 0);
		_exit(0);
	}
	wait_for_child(child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
