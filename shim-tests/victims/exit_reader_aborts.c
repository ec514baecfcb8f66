/* main returns while another thread waits in read, and would abort if its
 * connection ended. Natively that thread is gone before it could notice. */
#include "victim.h"

static int conn;
static _Atomic pid_t reader_id;

static void *reader(void *nothing)
{
	char byte;
	(void)nothing;
	reader_id = gettid();
	if (read(conn, &byte, 1) <= 0)
		abort();
	return NULL;
}

int main(void)
{
	conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	start_thread(reader, NULL);
	while (!reader_id || !sleeps(reader_id))
		sched_yield();
	return 0;
}
