/* A server starts a long-lived helper program after the accept. The connection
 * is close-on-exec, so the helper does not have it: the server's close is the
 * last. The helper is "cat", which ends with its standard input. */
#include "victim.h"

int main(void)
{
	int listener = listen_tcp(), to_helper[2], exec_done[2];
	must(pipe2(to_helper, O_CLOEXEC) == 0 && pipe2(exec_done, O_CLOEXEC) == 0);
	int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	pid_t child = fork();
	if (child == 0) {
		must(dup2(to_helper[0], 0) == 0);
		execlp("cat", "cat", NULL);
		die("execlp");
	}
	char byte;
	must(close(exec_done[1]) == 0);
	must(read(exec_done[0], &byte, 1) == 0); /* closed by the exec */
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	must(close(to_helper[1]) == 0);
	wait_for_child(child);
	return 0;
}
