/* The process ends with the connection still open; the kernel closes it. */
#include "ending.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	return end_by(arguments[1]);
}
