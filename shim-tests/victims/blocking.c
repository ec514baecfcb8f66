/* An early answer: the server responds without having read the request, and
 * closes. The plainest way to lose a response. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
