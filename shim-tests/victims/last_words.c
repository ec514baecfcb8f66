/* The second half of the response is written by a destructor, after every handler of atexit. */
#include "ending.h"

static int conn = -1;
static size_t response;

__attribute__((destructor)) static void respond_last(void)
{
	if (conn >= 0)
		respond(conn, response / 2, response);
}

int main(void)
{
	conn = accept_one(listen_tcp());
	response = read_request(conn);
	respond(conn, 0, response / 2);
	return STATUS;
}
