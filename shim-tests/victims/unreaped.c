/* Pid 1 of a namespace does not reap what others leave; a server in there executes a program for
 * each connection, which answers a slow peer and ends.
 *
 * unreaped: how many there are in the end that nobody reaps. */
#include "ending.h"
#include <sched.h>
#include <sys/mount.h>

enum { SESSIONS = 24, MOST = 10, CONN = 100 };

/* What is executed: its connection has more under way than its peer takes. */
static int session(void)
{
	static char response[1 << 20];
	must(send(CONN, response, sizeof response, MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
	exit(STATUS);
}

static void serve(void)
{
	int status, pair[2];
	for (int i = 0; i < SESSIONS; i++) {
		tcp_pair(pair);
		must(send(pair[0], "unread", 6, MSG_NOSIGNAL) == 6);
		pid_t child = fork();
		if (child == 0) {
			must(dup2(pair[1], CONN) == CONN);
			execl("/proc/self/exe", "unreaped", "session", NULL);
			_exit(98);
		}
		must(close(pair[1]) == 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == STATUS);
		fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	}
	_exit(0);
}

static int left_unreaped(void)
{
	int count = 0;
	while (waitpid(-1, NULL, 0) > 0)
		count++;
	return count;
}

/* The only process that it waits for is its own child. */
static int be_pid_1(void)
{
	int status;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		unsupported("a /proc of its own");
	pid_t server = fork();
	if (server == 0)
		serve();
	must(waitpid(server, &status, 0) == server && status == 0);
	int count = left_unreaped();
	say("unreaped: %s", count <= MOST ? "a few at most" : "many");
	return 0;
}

int main(int count, char **arguments)
{
	int status;
	at_most_a_minute();
	if (count == 2 && !strcmp(arguments[1], "session"))
		return session();
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		unsupported("a pid namespace");
	pid_t child = fork();
	if (child == 0)
		_exit(be_pid_1());
	must(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
