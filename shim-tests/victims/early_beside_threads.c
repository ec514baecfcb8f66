/* A server answers before it has read the upload, on a thread for each of N connections, and
 * closes: nothing is queued then, and the upload follows.
 *
 * early_beside_threads (blocking|nonblocking|reused) N: in the last case the next connection
 * gets the number at once, and a thread waits on it for a request */
#include "victim.h"

static void *waiter(void *argument)
{
	char byte;
	must(read((int)(intptr_t)argument, &byte, 1) == 0);
	return NULL;
}

/* The number that was just closed is another connection's. */
static void wait_on(int number, int listener)
{
	int fd = connect_to(port_of(listener));
	must(fd == number && accept_one(listener) > number);
	start_thread(waiter, (void *)(intptr_t)fd);
}

static void *serve(void *argument)
{
	int conn = (int)(intptr_t)argument;
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	return NULL;
}

int main(int count, char **arguments)
{
	must(count == 3);
	const char *way = arguments[1];
	int connections = atoi(arguments[2]), other = listener_for(AF_INET, 0), listener = listen_tcp();
	int small = 64 << 10;
	must(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		if (!strcmp(way, "nonblocking"))
			must(fcntl(conn, F_SETFL, O_NONBLOCK) == 0);
		pthread_join(start_thread(serve, (void *)(intptr_t)conn), NULL);
		if (!strcmp(way, "reused"))
			wait_on(conn, other);
	}
	say("closed");
	wait_for_the_end();
	_exit(0);
}
