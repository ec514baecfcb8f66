/* An early answer, and the connection is given up on one of the roads. Then the
 * process waits for the test, or ends at once.
 *
 * road ROAD [exit|_exit|...] */
#include "ending.h"
#include "road.h"

int main(int count, char **arguments)
{
	left_if_told(count, arguments);
	must(count >= 2);
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	leave_by(arguments[1], conn);
	if (count == 3)
		return end_by(arguments[2]);
	say("closed");
	wait_for_the_end();
	return 0;
}
