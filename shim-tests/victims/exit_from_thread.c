/* A thread ends the process while main waits in accept. */
#include "ending.h"

static void *serve(void *argument)
{
	int conn = *(int *)argument;
	respond(conn, 0, read_request(conn));
	exit(STATUS);
}

int main(void)
{
	int listener = listen_tcp();
	int conn = accept_one(listener);
	start_thread(serve, &conn);
	accept_one(listener);
	return 0;
}
