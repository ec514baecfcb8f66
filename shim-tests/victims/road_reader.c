/* A thread is blocked in read when another one, which has answered, gives the
 * connection up on one of the roads: the usual shape of a server in Java.
 *
 * road_reader ROAD */
#include "road.h"

static int conn;
static _Atomic pid_t reader_id;

static void *reader(void *nothing)
{
	char byte;
	reader_id = gettid();
	while (read(conn, &byte, 1) > 0)
		;
	return nothing;
}

int main(int count, char **arguments)
{
	must(count == 2);
	conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pthread_t thread = start_thread(reader, NULL);
	while (!reader_id || !sleeps(reader_id))
		sched_yield();
	respond(conn, 0, response);
	leave_by(arguments[1], conn);
	say("closed");
	wait_for_the_end();
	pthread_join(thread, NULL);
	return 0;
}
