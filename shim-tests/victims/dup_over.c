/* dup2 puts the connection over another descriptor, and then another file over
 * the connection's own number: what is left of it is the copy. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	int copy = open("/dev/null", O_RDWR), other = open("/dev/null", O_RDWR);
	must(dup2(conn, copy) == copy);
	must(dup2(other, conn) == conn);
	must(close(conn) == 0);
	must(close(other) == 0);
	respond_in_two(copy, response);
	must(close(copy) == 0);
	wait_for_the_end();
	return 0;
}
