/* A child is forked while a connection that the program has closed is still
 * being drained. The child knows nothing of it and lives on. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	hear();
	pid_t child = fork();
	if (child == 0) {
		at_most_a_minute();
		say("child %d", getpid());
		wait_for_the_end();
		exit(0);
	}
	wait_for_child(child);
	return 0;
}
