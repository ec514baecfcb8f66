/* daemon() forks and ends the parent with _exit, the connection being open in
 * both: the end of the parent is not the end of the connection. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	must(daemon(1, 1) == 0);
	at_most_a_minute();
	hear();
	respond_in_two(conn, response);
	must(close(conn) == 0);
	return 0;
}
