/* A child closes everything that it has inherited, N connections among it, as
 * those do that are about to execute another program. The parent serves them.
 *
 * range_child (close_range|closefrom|...) N (fork|vfork) */
#include "range.h"

enum { QUICK_MS = 1000 };

int main(int count, char **arguments)
{
	must(count == 4);
	int connections = atoi(arguments[2]), listener = listen_tcp();
	int *conns = calloc(connections, sizeof *conns);
	for (int at = 0; at < connections; at++)
		conns[at] = accept_one(listener);
	pid_t child = strcmp(arguments[3], "vfork") ? fork() : vfork();
	if (child == 0) {
		long start = now_ms();
		close_all(arguments[1], 3, ~0u);
		_exit(now_ms() - start > QUICK_MS || open_between(3, 1000));
	}
	wait_for_child(child);
	for (int at = 0; at < connections; at++)
		respond_in_two(conns[at], read_request(conns[at]));
	for (int at = 0; at < connections; at++)
		must(close(conns[at]) == 0);
	wait_for_the_end();
	return 0;
}
