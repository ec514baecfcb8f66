/* A server that was started under a filter which denies one system call.
 *
 * denied NUMBER ERRNO CONNECTIONS (close|shut|exit) */
#include "filter.h"

int main(int count, char **arguments)
{
	must(count == 5);
	int closes = strcmp(arguments[4], "exit"), shuts = !strcmp(arguments[4], "shut"), connections = atoi(arguments[3]), listener = listen_tcp();
	begin_filter();
	rule(atoi(arguments[1]), SECCOMP_RET_ERRNO | atoi(arguments[2]));
	end_filter(SECCOMP_RET_ALLOW);
	inherit_filter();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		if (shuts)
			shutdown(conn, SHUT_RDWR);
		must(!closes || close(conn) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
