/* The last segment is held back by TCP_CORK until the close. */
#include "victim.h"

int main(void)
{
	int on = 1;
	int conn = accept_one(listen_tcp());
	must(setsockopt(conn, IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
