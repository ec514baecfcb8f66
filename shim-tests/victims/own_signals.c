/* A program that blocks its signals and waits for them: a thread of somebody
 * else's that did not block them would take them, and die of them. */
#include "victim.h"

int main(void)
{
	sigset_t set;
	sigfillset(&set);
	must(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	hear();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	const int numbers[] = {SIGUSR1, SIGTERM, SIGCHLD};
	for (int at = 0; at < 3; at++) {
		struct timespec patience = {.tv_sec = 10};
		must(kill(getpid(), numbers[at]) == 0);
		say("sent %d, got %d", numbers[at], sigtimedwait(&set, NULL, &patience));
	}
	wait_for_the_end();
	return 0;
}
