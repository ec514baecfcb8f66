/* main ends as a thread does; the worker is the last thread, and the process
 * ends with it. The connection was closed just before, or is still open.
 *
 * last_thread (open|closed) (return|pthread_exit) */
#include "victim.h"

static int conn, closes, by_exit;
static pthread_t first;

static void *serve(void *nothing)
{
	pthread_join(first, NULL);
	respond(conn, 0, read_request(conn));
	if (closes)
		must(close(conn) == 0);
	if (by_exit)
		pthread_exit(NULL);
	return nothing;
}

int main(int count, char **arguments)
{
	must(count == 3);
	closes = !strcmp(arguments[1], "closed");
	by_exit = !strcmp(arguments[2], "pthread_exit");
	conn = accept_one(listen_tcp());
	first = pthread_self();
	start_thread(serve, NULL);
	pthread_exit(NULL);
}
