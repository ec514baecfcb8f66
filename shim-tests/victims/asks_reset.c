/* Serves N connections, and asks for a reset instead of an orderly close (SO_LINGER{1,0}). */
#include "victim.h"

int main(int count, char **arguments)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		must(setsockopt(conn, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
		must(close(conn) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
