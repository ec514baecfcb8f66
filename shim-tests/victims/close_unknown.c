/* Closes all numbers that it does not know, one by one, beside a connection that it has
 * just closed and whose peer is silent: none of them is open. Before that it has had
 * a child, or not: `close_unknown (forked|alone)`. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	int pair[2], closed = 0;
	for (int number = 3; number < 1200; number++)
		close(number);
	tcp_pair(pair);
	if (!strcmp(arguments[1], "forked")) {
		pid_t child = fork();
		must(child >= 0);
		if (child == 0)
			_exit(0);
		wait_for_child(child);
	}
	must(close(pair[1]) == 0);
	for (int number = 3; number < 1200; number++)
		if (number != pair[0] && close(number) == 0)
			closed++;
	say("closed %d", closed);
	return 0;
}
