/* As blocking.c over MPTCP, whose sockets are not of the protocol TCP but
 * close as TCP's do. */
#include "victim.h"

int main(void)
{
	at_most_a_minute();
	int listener = listener_for(AF_INET, IPPROTO_MPTCP);
	announce(listener);
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
