/* A server that serves one connection after the other gets the same number for
 * each of them, however many are still being drained. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp(), number = -1, others = 0;
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		number = number < 0 ? conn : number;
		others += conn != number;
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
	}
	say("other numbers: %d", others);
	wait_for_the_end();
	return 0;
}
