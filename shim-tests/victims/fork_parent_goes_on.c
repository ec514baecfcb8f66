/* A forked child closes its copy and ends; the parent serves. The everyday case
 * in which a half-close by the child would be an outage. */
#include "ending.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pid_t child = fork();
	if (child == 0) {
		must(close(conn) == 0);
		if (!strcmp(arguments[1], "_exit"))
			_exit(0);
		exit(0);
	}
	wait_for_child(child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
