/* Closes both ends of DRAINS connections, waits until nothing of them is left, and then
 * makes N children that end at once. */
#include "entries.h"

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	int times = atoi(arguments[1]), drains = atoi(arguments[2]), before = entries("/proc/self/fd");
	int (*pairs)[2] = calloc(drains + 1, sizeof *pairs);
	must(pairs);
	for (int at = 0; at < drains; at++)
		tcp_pair(pairs[at]);
	for (int at = 0; at < drains; at++)
		must(close(pairs[at][0]) == 0);
	for (int at = 0; at < drains; at++)
		must(close(pairs[at][1]) == 0);
	/* Up to one: the epoll set of who drains. */
	await_entries("/proc/self/fd", before + 1);
	for (int at = 0; at < times; at++) {
		pid_t child = fork();
		must(child >= 0);
		if (child == 0)
			_exit(0);
		must(waitpid(child, NULL, 0) == child);
	}
	return 0;
}
