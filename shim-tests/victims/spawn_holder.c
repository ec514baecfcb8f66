/* A child by posix_spawn or posix_spawnp holds the connection, as a standard
 * stream by a file action or under its own number by inheritance; the parent
 * closes. */
#include "holder.h"
#include <spawn.h>

extern char **environ;

int main(int count, char **arguments)
{
	hold_if_told(count, arguments);
	must(count == 3);
	int by_action = !strcmp(arguments[2], "action");
	int conn = accept_one(listen_tcp());
	char number[16];
	snprintf(number, sizeof number, "%d", by_action ? 1 : conn);
	char *words[] = {(char *)this_program(), "hold", number, NULL};
	posix_spawn_file_actions_t actions;
	must(posix_spawn_file_actions_init(&actions) == 0);
	if (by_action)
		must(posix_spawn_file_actions_adddup2(&actions, conn, 1) == 0);
	pid_t child;
	int (*spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const *, char *const *) =
		!strcmp(arguments[1], "posix_spawnp") ? posix_spawnp : posix_spawn;
	must(spawn(&child, words[0], &actions, NULL, words, environ) == 0);
	must(close(conn) == 0);
	say("closed");
	wait_for_child(child);
	return 0;
}
