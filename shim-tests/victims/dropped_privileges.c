/* A server starts as root, gives up its privileges for good, and serves each of N
 * connections on a thread of its own: a process that has changed its user is not
 * dumpable, and most of its procfs is root's. */
#include "round_trip.h"
#include <grp.h>

enum { NOBODY = 65534 };

static void *serve(void *listener)
{
	int conn = accept_one((int)(intptr_t)listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t threads[16];
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		unsupported("setuid");
	must(connections <= 16);
	for (int at = 0; at < connections; at++)
		threads[at] = start_thread(serve, (void *)(intptr_t)listener);
	for (int at = 0; at < connections; at++)
		pthread_join(threads[at], NULL);
	say("closed");
	wait_for_the_end();
	return 0;
}
