/* inetd's way: a forked child puts the connection on its standard streams and
 * executes a server that knows nothing of sockets and never closes one. */
#include "victim.h"

int main(int count, char **arguments)
{
	if (count == 2 && !strcmp(arguments[1], "server")) {
		respond(1, 0, read_request(0));
		return 0;
	}
	int conn = accept_one(listen_tcp());
	pid_t child = fork();
	if (child == 0) {
		must(dup2(conn, 0) == 0 && dup2(conn, 1) == 1 && close(conn) == 0);
		execl("/proc/self/exe", "inetd", "server", NULL);
		die("execl");
	}
	must(close(conn) == 0);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
