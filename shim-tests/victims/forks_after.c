/* Closes both ends of DRAINS connections, waits until nothing of them is left, and then
 * makes N children that end at once. */
#include "victim.h"
#include <dirent.h>

static int open_numbers(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;
	must(dir);
	while (readdir(dir))
		count++;
	must(closedir(dir) == 0);
	return count;
}

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	int times = atoi(arguments[1]), drains = atoi(arguments[2]), before = open_numbers();
	int (*pairs)[2] = calloc(drains + 1, sizeof *pairs);
	must(pairs);
	for (int at = 0; at < drains; at++)
		tcp_pair(pairs[at]);
	for (int at = 0; at < drains; at++)
		must(close(pairs[at][0]) == 0);
	for (int at = 0; at < drains; at++)
		must(close(pairs[at][1]) == 0);
	/* Up to one: the epoll set of who drains. */
	while (open_numbers() > before + 1)
		must(poll(NULL, 0, 1) == 0);
	for (int at = 0; at < times; at++) {
		pid_t child = fork();
		must(child >= 0);
		if (child == 0)
			_exit(0);
		must(waitpid(child, NULL, 0) == child);
	}
	return 0;
}
