/* A server for N connections, each of which two children have. They end at the same moment, by
 * _exit, and close nothing.
 *
 * exit_together CONNECTIONS */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		long moment = now_us() + 3000;
		for (int child = 0; child < 2; child++)
			if (fork() == 0) {
				while (now_us() < moment + child * (at % 40) * 5) {
				}
				_exit(0);
			}
		must(close(conn) == 0);
		must(wait(NULL) > 0 && wait(NULL) > 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
