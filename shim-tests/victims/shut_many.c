/* N connections are answered and shut down, all in a row; then they are closed
 * on a road, or read to their ends.
 *
 * shut_many WORD N (ROAD|read) */
#include "road.h"
#include "shutting.h"

int main(int count, char **arguments)
{
	must(count == 4);
	int connections = atoi(arguments[2]), listener = listen_tcp(), ended = 0;
	int *conns = calloc(connections, sizeof *conns);
	for (int at = 0; at < connections; at++) {
		conns[at] = accept_one(listener);
		respond(conns[at], 0, read_request(conns[at]));
	}
	for (int at = 0; at < connections; at++)
		must(shut_by(arguments[1], conns[at]) == 0);
	for (int at = 0; at < connections; at++)
		if (strcmp(arguments[3], "read"))
			leave_by(arguments[3], conns[at]);
		else
			ended += !strcmp(end_of(conns[at]), "0");
	say("closed");
	say("ended: %d", ended);
	wait_for_the_end();
	return 0;
}
