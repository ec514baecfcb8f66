/* The process closes and ends at once, with the drain still at work. */
#include "ending.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	return end_by(arguments[1]);
}
