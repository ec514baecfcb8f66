/* A child executes another program; its copies of the parent's N connections,
 * which are close-on-exec, go with that. The parent serves them. The drain of
 * another one, whose peer is silent, is the parent's, and nothing to wait for.
 *
 * exec_child N (fork|vfork|_Fork|posix_spawn) */
#include "road.h"
#include <spawn.h>

enum { QUICK_MS = 1500 };

static pid_t child_by(const char *way)
{
	char *list[] = {(char *)this_program(), "left", NULL};
	pid_t child;
	if (!strcmp(way, "posix_spawn")) {
		must(posix_spawn(&child, list[0], NULL, NULL, list, environ) == 0);
		return child;
	}
	child = !strcmp(way, "vfork") ? vfork() : !strcmp(way, "_Fork") ? _Fork() : fork();
	if (child == 0) {
		execve(list[0], list, environ);
		_exit(1);
	}
	return child;
}

int main(int count, char **arguments)
{
	int silent[2];
	left_if_told(count, arguments);
	must(count == 3);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	int *conns = calloc(connections, sizeof *conns);
	for (int at = 0; at < connections; at++)
		must((conns[at] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
	tcp_pair(silent);
	must(close(silent[1]) == 0);
	long start = now_ms();
	wait_for_child(child_by(arguments[2]));
	must(now_ms() - start < QUICK_MS);
	for (int at = 0; at < connections; at++)
		respond_in_two(conns[at], read_request(conns[at]));
	for (int at = 0; at < connections; at++)
		must(close(conns[at]) == 0);
	must(close(silent[0]) == 0);
	wait_for_the_end();
	return 0;
}
