/* A thread serves without end when another one executes this program: the
 * connection ends with that, and the status is that of the new image. */
#include "ending.h"
#include "image.h"

static int conn;

static void *server(void *nothing)
{
	for (size_t at = 0;; at += 4096)
		respond(conn, at, at + 4096);
	return nothing;
}

int main(int count, char **arguments)
{
	if (count == 2 && !strcmp(arguments[1], "end"))
		return STATUS;
	conn = accept_one(listen_tcp());
	close_on_exec(conn);
	read_request(conn);
	start_thread(server, NULL);
	hear();
	become("execve", "end");
}
