/* A call that forks inside libc fails, as there may be no more processes; then the
 * connection that was open is answered and closed.
 *
 * libc_fork_fails (forkpty|daemon) (alone|beside) */
#include "victim.h"
#include <pty.h>
#include <sys/resource.h>

enum { USER = 65534 };

static void fail(int by_daemon)
{
	struct rlimit limit, none;
	must(getrlimit(RLIMIT_NPROC, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	must(setrlimit(RLIMIT_NPROC, &none) == 0);
	int terminal, result = by_daemon ? daemon(1, 1) : forkpty(&terminal, NULL, NULL, NULL);
	must(result == -1);
	must(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	/* Root is not limited. */
	must(getuid() != 0 || setuid(USER) == 0);
	int listener = listen_tcp(), conn = accept_one(listener);
	pid_t beside = strcmp(arguments[2], "beside") ? 0 : fork();
	if (!strcmp(arguments[2], "beside") && beside == 0) {
		at_most_a_minute();
		must(close(conn) == 0);
		pause();
	}
	fail(!strcmp(arguments[1], "daemon"));
	respond(conn, 0, read_request(conn));
	if (beside)
		must(kill(beside, SIGUSR1) == 0 && waitpid(beside, NULL, 0) == beside);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
