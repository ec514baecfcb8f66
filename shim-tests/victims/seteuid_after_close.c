/* A server of files closes a connection, and puts on another user and its own again. */
#include "round_trip.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	if (seteuid(65534) || seteuid(0))
		unsupported("seteuid");
	say("closed");
	wait_for_the_end();
	return 0;
}
