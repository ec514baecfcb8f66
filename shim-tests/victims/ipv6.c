/* As blocking.c over IPv6. */
#include "victim.h"

int main(void)
{
	at_most_a_minute();
	int listener = listener_for(AF_INET6, 0);
	announce(listener);
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
