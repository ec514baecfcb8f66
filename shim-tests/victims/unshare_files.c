/* A thread takes a descriptor table of its own and closes its copy of a
 * connection in there; the rest of the process goes on. */
#include "round_trip.h"
#include <sched.h>

static int pair[2];

static void *closer(void *nothing)
{
	(void)nothing;
	must(unshare(CLONE_FILES) == 0);
	must(close(pair[1]) == 0);
	return NULL;
}

int main(void)
{
	at_most_a_minute();
	tcp_pair(pair);
	pthread_join(start_thread(closer, NULL), NULL);
	say("main thread: %s", round_trip(pair[1], pair[0]));
	return 0;
}
