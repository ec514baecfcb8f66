/* A child executes another program, which leaves a process behind and ends. That one
 * serves the connection; the parent closes it. */
#include "holder.h"

int main(int count, char **arguments)
{
	hold_if_told(count, arguments);
	int conn = accept_one(listen_tcp());
	char command[4300];
	/* A shell gives its background jobs no stdin: keep ours as 9. */
	snprintf(command, sizeof command, "exec 9<&0; (%s <&9 9<&-) &", hold_command(conn));
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		die("exec");
	}
	wait_for_child(child);
	must(close(conn) == 0);
	say("closed");
	/* The holder is no child of ours: whoever still has the pipe is alive. */
	return 0;
}
