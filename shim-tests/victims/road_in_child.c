/* A process for each of N connections, the parent having closed its copy at
 * once: the child has the last reference and gives it up on one of the roads.
 *
 * road_in_child ROAD N */
#include "road.h"

int main(int count, char **arguments)
{
	left_if_told(count, arguments);
	must(count == 3);
	int connections = atoi(arguments[2]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		if (fork() == 0) {
			respond(conn, 0, read_request(conn));
			leave_by(arguments[1], conn);
			exit(0);
		}
		must(close(conn) == 0);
	}
	while (wait(NULL) > 0)
		;
	wait_for_the_end();
	return 0;
}
