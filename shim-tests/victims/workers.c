/* Workers that were forked after the listener was made; each serves connections until it
 * is told to end or is killed. Says the pid of whoever served, before it closes. */
#include "victim.h"

static void work(int listener)
{
	at_most_a_minute();
	for (;;) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		say("served %d", (int)getpid());
		must(close(conn) == 0);
		say("closed");
	}
}

int main(int count, char **arguments)
{
	must(count == 2);
	int workers = atoi(arguments[1]), listener = listen_tcp();
	pid_t pids[16];
	must(workers <= 16);
	for (int at = 0; at < workers; at++) {
		pids[at] = fork();
		if (pids[at] == 0)
			work(listener);
	}
	wait_for_the_end();
	for (int at = 0; at < workers; at++) {
		kill(pids[at], SIGKILL);
		must(waitpid(pids[at], NULL, 0) == pids[at]);
	}
	return 0;
}
