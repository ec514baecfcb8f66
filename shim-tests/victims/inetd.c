/* inetd's way: a forked child puts the connection on its standard streams and
 * executes a server that knows nothing of sockets and never closes one. With
 * PRELOAD_CHILD set, only the server is to be loaded with that.
 *
 * inetd (two|three): without or with standard error
 * inetd NUMBER: on that number instead */
#include "victim.h"

static void become_server(int conn, char *where)
{
	char preload[4096];
	int number = atoi(where);
	if (number)
		must(dup2(conn, number) == number);
	else
		must(dup2(conn, 0) == 0 && dup2(conn, 1) == 1 && (!strcmp(where, "two") || dup2(conn, 2) == 2));
	must(close(conn) == 0);
	char *const arguments[] = {"inetd", "server", where, NULL}, *const environment[] = {preload, NULL};
	const char *child_only = getenv("PRELOAD_CHILD");
	if (!child_only)
		execv("/proc/self/exe", arguments);
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", child_only);
	execve("/proc/self/exe", arguments, environment);
	die("exec");
}

int main(int count, char **arguments)
{
	must(count == 2 || count == 3);
	if (!strcmp(arguments[1], "server")) {
		int number = atoi(arguments[2]);
		respond(number ? number : 1, 0, read_request(number));
		return 0;
	}
	int conn = accept_one(listen_tcp());
	pid_t child = fork();
	if (child == 0)
		become_server(conn, arguments[1]);
	must(close(conn) == 0);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
