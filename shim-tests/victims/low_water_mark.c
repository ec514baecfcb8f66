/* A server that wants to be woken only for a megabyte (SO_RCVLOWAT) closes a
 * connection. */
#include "victim.h"

int main(void)
{
	int mark = 1 << 20;
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark) == 0);
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
