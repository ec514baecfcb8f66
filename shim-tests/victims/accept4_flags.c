/* As blocking.c on a socket from accept4(SOCK_NONBLOCK | SOCK_CLOEXEC), which
 * is how event loops get theirs. */
#include "victim.h"

int main(void)
{
	int listener = listen_tcp();
	int conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(conn >= 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
