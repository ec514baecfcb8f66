/* A child in a pid namespace of its own closes its copy of a connection; the
 * parent, whom the child cannot see, goes on. */
#include "round_trip.h"
#include <sched.h>

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	if (unshare(CLONE_NEWPID))
		unsupported("unshare");
	pid_t child = fork();
	if (child == 0) {
		must(close(pair[1]) == 0);
		_exit(0);
	}
	say_end_of("child", child);
	say("parent: %s", round_trip(pair[1], pair[0]));
	return 0;
}
