/* A library that serves one connection and closes it when it is unloaded. */
#include "victim.h"

static int conn = -1;

int serve(void)
{
	conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	return 0;
}

__attribute__((destructor)) static void end(void)
{
	if (conn >= 0)
		close(conn);
}
