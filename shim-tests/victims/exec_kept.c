/* The new image serves on the connection that it was given: on the only number,
 * or on a copy of one that was close-on-exec.
 *
 * exec_kept WAY (plain|copy) */
#include "holder.h"

int main(int count, char **arguments)
{
	char number[16];
	hold_if_told(count, arguments);
	must(count == 3);
	int conn = accept_one(listen_tcp()), kept = conn;
	if (!strcmp(arguments[2], "copy")) {
		close_on_exec(conn);
		must((kept = dup(conn)) >= 0);
	}
	snprintf(number, sizeof number, "%d", kept);
	char *list[] = {(char *)this_program(), "hold", number, NULL};
	say("closed");
	execute(arguments[1], list[0], list);
	die(arguments[1]);
}
