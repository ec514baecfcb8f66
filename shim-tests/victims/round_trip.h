/* What is asked of a reference that somebody else's close must not have hurt. */
#ifndef ROUND_TRIP_H
#define ROUND_TRIP_H

#include "victim.h"

/* Whether one byte goes from `from` to `to`; else what came instead of it. */
static UNUSED const char *one_byte(int from, int to)
{
	char byte = 'x';
	if (send(from, &byte, 1, MSG_NOSIGNAL) != 1)
		return strerrorname_np(errno);
	ssize_t count = recv(to, &byte, 1, 0);
	if (count < 0)
		return strerrorname_np(errno);
	return count ? NULL : "end of the connection";
}

/* There and back, three times: "works", or what happened instead. */
static UNUSED const char *round_trip(int server, int client)
{
	const char *wrong = NULL;
	for (int turn = 0; turn < 3 && !wrong; turn++) {
		wrong = one_byte(server, client);
		if (!wrong)
			wrong = one_byte(client, server);
	}
	return wrong ? wrong : "works";
}

/* For a test that this kernel, or this user, cannot run. */
static UNUSED void unsupported(const char *what)
{
	say("unsupported: %s: %s", what, strerrorname_np(errno));
	_exit(0);
}

/* How a child ended. */
static UNUSED void say_end_of(const char *what, pid_t child)
{
	int status;
	must(waitpid(child, &status, __WALL) == child);
	if (WIFEXITED(status))
		say("%s: status %d", what, WEXITSTATUS(status));
	else
		say("%s: killed by SIG%s", what, sigabbrev_np(WTERMSIG(status)));
}

#endif
