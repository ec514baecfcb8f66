/* A connection is sent to the program itself, closed while in flight, and then
 * received: under a new number, as in event loops that hand over between
 * threads. */
#include "passing.h"

int main(void)
{
	int link[2];
	unix_pair(link);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	send_fd(link[0], conn, 0);
	must(close(conn) == 0);
	conn = receive_fd(link[1], 0, 0);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
