/* A thread for each of N connections, all closing at about the same time. */
#include "victim.h"
#include <semaphore.h>

static sem_t closed;

static void *serve(void *argument)
{
	int conn = (int)(intptr_t)argument;
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	sem_post(&closed);
	return NULL;
}

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	sem_init(&closed, 0, 0);
	for (int at = 0; at < connections; at++)
		pthread_detach(start_thread(serve, (void *)(intptr_t)accept_one(listener)));
	for (int at = 0; at < connections; at++)
		while (sem_wait(&closed))
			;
	say("closed");
	wait_for_the_end();
	return 0;
}
