/* redis saves to disk in a forked child that inherits every client. Its end
 * must leave them all alone. */
#include "ending.h"

int main(int count, char **arguments)
{
	must(count == 3);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	int *conns = calloc(connections, sizeof *conns);
	for (int at = 0; at < connections; at++)
		conns[at] = accept_one(listener);
	pid_t child = fork();
	if (child == 0) {
		if (!strcmp(arguments[2], "_exit"))
			_exit(0);
		exit(0);
	}
	wait_for_child(child);
	for (int at = 0; at < connections; at++)
		respond_in_two(conns[at], read_request(conns[at]));
	for (int at = 0; at < connections; at++)
		must(close(conns[at]) == 0);
	wait_for_the_end();
	return 0;
}
