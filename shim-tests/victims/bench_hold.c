/* Opens N connections, sends a byte on each ("-": none) and waits for a byte of
 * answer to it, says `held`, and is silent from then on. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 4);
	at_most_an_hour();
	int port = atoi(arguments[1]), connections = atoi(arguments[2]);
	int asks = arguments[3][0] != '-', *conns = calloc(connections + 1, sizeof *conns);
	for (int at = 0; at < connections; at++) {
		conns[at] = connect_to(port);
		must(!asks || write(conns[at], arguments[3], 1) == 1);
	}
	for (int at = 0; asks && at < connections; at++)
		must(read_byte(conns[at]));
	say("held");
	wait_for_the_end();
	return 0;
}
