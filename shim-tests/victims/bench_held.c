/* Answers N connections, and closes each of them at once (`in-turn`), or all when it has
 * answered all (`together`); their peers stay silent. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 3);
	int connections = atoi(arguments[1]), *conns = calloc(connections, sizeof *conns);
	int together = strcmp(arguments[2], "together") == 0;
	must(conns && (together || strcmp(arguments[2], "in-turn") == 0));
	memset(conns, 1, connections * sizeof *conns);
	int listener = listen_for_load();
	must(hear());
	for (int at = 0; at < connections; at++) {
		conns[at] = accept_one(listener);
		must(read_byte(conns[at]) && write(conns[at], "h", 1) == 1);
		must(together || close(conns[at]) == 0);
	}
	say("answered");
	must(hear());
	for (int at = 0; together && at < connections; at++)
		must(close(conns[at]) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
