/* A process for each of N connections: the parent closes its copy at once, the
 * child serves and then ends as told, having closed or not. */
#include "victim.h"

static void serve(int conn, const char *ending)
{
	respond(conn, 0, read_request(conn));
	if (!strcmp(ending, "close")) {
		must(close(conn) == 0);
		exit(0);
	}
	if (!strcmp(ending, "_exit"))
		_exit(0);
	must(!strcmp(ending, "exit"));
	exit(0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		if (fork() == 0)
			serve(conn, arguments[2]);
		must(close(conn) == 0);
	}
	for (int at = 0; at < connections; at++)
		must(wait(NULL) > 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
