/* A child that holds a copy is killed, so that nothing of ours runs at its end;
 * the parent serves. */

#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
