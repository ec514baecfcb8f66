/* As blocking.c on an O_NONBLOCK socket: a drain must not take EAGAIN for the
 * end, nor a close that "would block" for one that is done. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	must(fcntl(conn, F_SETFL, fcntl(conn, F_GETFL) | O_NONBLOCK) == 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
