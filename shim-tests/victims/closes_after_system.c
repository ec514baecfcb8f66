/* A server of N close-on-exec connections runs a command, then closes them one by one.
 *
 * closes_after_system N WAY */
#include "victim.h"
#include <spawn.h>

extern char **environ;

static void run_command(const char *way)
{
	char *words[] = {"true", NULL};
	pid_t child;
	if (!strcmp(way, "system")) {
		must(system("true") == 0);
		return;
	}
	if (!strcmp(way, "spawn")) {
		must(posix_spawnp(&child, "true", NULL, NULL, words, environ) == 0);
	} else {
		child = !strcmp(way, "vfork") ? vfork() : fork();
		if (child == 0) {
			execvp("true", words);
			_exit(98);
		}
	}
	wait_for_child(child);
}

int main(int count, char **arguments)
{
	must(count == 3);
	int connections = atoi(arguments[1]), listener = listener_for(AF_INET, 0);
	int clients[64], servers[64];
	must(connections <= 64);
	at_most_a_minute();
	must(fcntl(listener, F_SETFD, FD_CLOEXEC) == 0);
	for (int at = 0; at < connections; at++) {
		clients[at] = connect_to(port_of(listener));
		servers[at] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		must(servers[at] >= 0 && fcntl(clients[at], F_SETFD, FD_CLOEXEC) == 0);
		must(write(servers[at], "x", 1) == 1);
	}
	run_command(arguments[2]);
	for (int at = 0; at < connections; at++)
		must(close(servers[at]) == 0);
	/* What is drained ends with that. */
	for (int at = 0; at < connections; at++)
		must(close(clients[at]) == 0);
	return 0;
}
