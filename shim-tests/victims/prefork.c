/* Two workers, forked before anything was accepted, share a listener; each
 * serves one connection and goes on living. */
#include "victim.h"

static void work(int listener)
{
	at_most_a_minute();
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	wait_for_the_end();
	exit(0);
}

int main(void)
{
	int listener = listen_tcp();
	for (int worker = 0; worker < 2; worker++)
		if (fork() == 0)
			work(listener);
	must(close(listener) == 0);
	must(wait(NULL) > 0 && wait(NULL) > 0);
	return 0;
}
