/* A server ends by quick_exit while its peer has not read all. Its parent is the peer. */
#include "ending.h"

int main(void)
{
	int status;
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0), peer = slow_peer_of(listener);
	pid_t server = fork();
	if (server == 0) {
		must(close(peer) == 0);
		answer_one(listener);
		quick_exit(STATUS);
	}
	must(waitpid(server, &status, 0) == server);
	say("status %d", WEXITSTATUS(status));
	return 0;
}
