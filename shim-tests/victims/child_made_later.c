/* A server that closes a connection, and then makes a child that lives on: it has no part in the
 * connection.
 *
 * child_made_later (syscall|instruction|_Fork|fork|clone) */
#include "raw_clone.h"

static int stay(void *unused)
{
	(void)unused;
	while (pause() < 0) {
	}
	return 0;
}

int main(int count, char **arguments)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	must(count == 2);
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	pid_t child = !strcmp(arguments[1], "clone") ? clone(stay, stack + sizeof stack, SIGCHLD, NULL) : new_process(arguments[1]);
	must(child >= 0);
	if (child == 0)
		stay(NULL);
	say("closed");
	wait_for_the_end();
	must(kill(child, SIGKILL) == 0);
	return 0;
}
