/* Serves N connections, one after the other, and then does nothing. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
