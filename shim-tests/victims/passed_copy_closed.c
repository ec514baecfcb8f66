/* The receiver of a connection closes its copy and ends; the sender kept the
 * original and serves. */
#include "passing.h"

int main(void)
{
	int link[2];
	unix_pair(link);
	int listener = listen_tcp();
	pid_t child = fork();
	if (child == 0) {
		must(close(receive_fd(link[1], 0, 0)) == 0);
		exit(0);
	}
	int conn = accept_one(listener);
	size_t response = read_request(conn);
	send_fd(link[0], conn, 0);
	wait_for_child(child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
