/* close on the connection of a silent peer returns at once. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	long start = now_ms();
	int result = close(conn);
	say("took %ld", now_ms() - start);
	say("close %d", result);
	wait_for_the_end();
	return 0;
}
