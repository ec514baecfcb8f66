/* Two threads each give up one of the last two copies of a connection, at the
 * same time; N connections, one after the other.
 *
 * road_race ROAD N */
#include "road.h"

static pthread_barrier_t both_ready;
static const char *road;

static void *leave(void *copy)
{
	pthread_barrier_wait(&both_ready);
	leave_by(road, *(int *)copy);
	return NULL;
}

int main(int count, char **arguments)
{
	must(count == 3);
	road = arguments[1];
	int connections = atoi(arguments[2]), listener = listen_tcp();
	must(pthread_barrier_init(&both_ready, NULL, 2) == 0);
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener), copy = dup(conn);
		respond(conn, 0, read_request(conn));
		pthread_t thread = start_thread(leave, &copy);
		leave(&conn);
		pthread_join(thread, NULL);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
