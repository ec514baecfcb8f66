/* A server ends by quick_exit while its peer has not read all. Its parent is the peer. */
#include "ending.h"

enum { RESPONSE = 1 << 20 };

int main(void)
{
	int status;
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0), peer = connect_slowly(port_of(listener));
	must(write(peer, "GO 0 0\nmore", 11) == 11);
	pid_t server = fork();
	if (server == 0) {
		must(close(peer) == 0);
		int conn = accept_one(listener);
		read_request(conn);
		respond(conn, 0, RESPONSE);
		quick_exit(STATUS);
	}
	must(waitpid(server, &status, 0) == server);
	say("status %d", WEXITSTATUS(status));
	return 0;
}
