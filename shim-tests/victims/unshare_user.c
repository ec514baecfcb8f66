/* A program with one thread closes a connection, and may then take a user
 * namespace of its own: only a process with one thread may. */
#include "round_trip.h"
#include <sched.h>

static pid_t new_user_namespace(int after_close)
{
	pid_t child = fork();
	if (child != 0)
		return child;
	int pair[2];
	tcp_pair(pair);
	if (after_close)
		must(close(pair[1]) == 0);
	int answer = unshare(CLONE_NEWUSER);
	_exit(answer ? errno : 0);
}

int main(void)
{
	at_most_a_minute();
	int status;
	must(waitpid(new_user_namespace(0), &status, 0) > 0);
	if ((errno = WEXITSTATUS(status)))
		unsupported("unshare");
	for (int round = 0; round < 20; round++) {
		must(waitpid(new_user_namespace(1), &status, 0) > 0);
		if (status)
			say("unshare: %s", strerrorname_np(WEXITSTATUS(status)));
	}
	say("done");
	return 0;
}
