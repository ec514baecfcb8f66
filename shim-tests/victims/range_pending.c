/* N connections are closed one by one, and while their drains are at work the
 * program closes every number above its standard streams.
 *
 * range_pending (close_range|SYS_close_range|closefrom) N [exit] */
#include "range.h"

int main(int count, char **arguments)
{
	must(count >= 3);
	int connections = atoi(arguments[2]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
	}
	close_all(arguments[1], 3, ~0u);
	if (count == 4)
		exit(0);
	say("closed");
	wait_for_the_end();
	return 0;
}
