/* recvmsg(MSG_PEEK) makes a copy of a descriptor and leaves the message where it
 * is. The peeked copy is closed, with the sender's; the message still holds the
 * connection, and whoever receives it serves. */
#include "passing.h"

int main(void)
{
	int link[2];
	unix_pair(link);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	send_fd(link[0], conn, 0);
	must(close(conn) == 0);
	must(close(receive_fd(link[1], MSG_PEEK, 0)) == 0);
	conn = receive_fd(link[1], 0, 0);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
