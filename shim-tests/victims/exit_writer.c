/* main returns while a thread writes to the connection without end. A half-close
 * at exit would have it killed by SIGPIPE, and the exit status with it. */
#include "ending.h"

static int conn;

static void *writer(void *nothing)
{
	for (size_t at = 0;; at += 4096)
		respond(conn, at, at + 4096);
	return nothing;
}

int main(void)
{
	conn = accept_one(listen_tcp());
	read_request(conn);
	start_thread(writer, NULL);
	hear();
	return STATUS;
}
