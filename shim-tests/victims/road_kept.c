/* A copy is given up on one of the roads; the connection goes on.
 *
 * road_kept ROAD */
#include "road.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	int copy = fcntl(conn, F_DUPFD, 40); /* above all else, for closefrom */
	must(copy >= 40);
	leave_by(arguments[1], copy);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
