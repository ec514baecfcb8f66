/* The close happens in a thread that ends right after it. */
#include "victim.h"

static void *serve(void *argument)
{
	int conn = *(int *)argument;
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	return NULL;
}

int main(void)
{
	int conn = accept_one(listen_tcp());
	pthread_join(start_thread(serve, &conn), NULL);
	say("closed");
	wait_for_the_end();
	return 0;
}
