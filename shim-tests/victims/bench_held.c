/* Answers N connections and closes them all at once; their peers stay silent. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), *conns = calloc(connections, sizeof *conns);
	must(conns);
	memset(conns, 1, connections * sizeof *conns);
	int listener = listen_for_load();
	must(hear());
	for (int at = 0; at < connections; at++) {
		conns[at] = accept_one(listener);
		must(read_byte(conns[at]) && write(conns[at], "h", 1) == 1);
	}
	say("answered");
	must(hear());
	for (int at = 0; at < connections; at++)
		must(close(conns[at]) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
