/* A child for each of N connections: it answers, closes and ends. */
#include "victim.h"

static void serve(int listener, int conn)
{
	must(close(listener) == 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	_exit(0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	for (int at = atoi(arguments[1]); at > 0; at--) {
		int conn = accept_one(listener);
		pid_t child = fork();
		must(child >= 0);
		if (child == 0)
			serve(listener, conn);
		must(close(conn) == 0);
		must(waitpid(child, NULL, 0) == child);
	}
	return 0;
}
