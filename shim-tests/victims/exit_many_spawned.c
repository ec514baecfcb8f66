/* The process ends with N connections open, all of which a child that has gone
 * since might have inherited. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
	}
	must(system("true") == 0);
	hear();
	return 0;
}
