/* A child gives its copy up on one of the roads and ends; the parent serves.
 *
 * road_parent_goes_on ROAD (fork|vfork) */
#include "road.h"

int main(int count, char **arguments)
{
	left_if_told(count, arguments);
	must(count == 3);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pid_t child = strcmp(arguments[2], "vfork") ? fork() : vfork();
	if (child == 0) {
		leave_by(arguments[1], conn);
		_exit(0);
	}
	wait_for_child(child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
