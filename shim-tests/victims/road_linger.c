/* The program asks for a close that waits a few seconds, SO_LINGER{1,5}, and
 * gives the connection up on one of the roads.
 *
 * road_linger ROAD */
#include "road.h"

int main(int count, char **arguments)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 5};
	left_if_told(count, arguments);
	must(count == 2);
	int conn = accept_one(listen_tcp());
	must(setsockopt(conn, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	respond(conn, 0, read_request(conn));
	leave_by(arguments[1], conn);
	wait_for_the_end();
	return 0;
}
