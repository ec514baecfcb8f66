/* A client that uploads, does not wait for the answer to its end, and closes:
 * the connected side loses its data in the same way. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	int conn = connect_to(atoi(arguments[1]));
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
