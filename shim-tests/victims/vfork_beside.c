/* While a child on borrowed memory has not executed anything yet, another thread closes a
 * connection; the child goes on with its own copy.
 *
 * vfork_beside (vfork|clone) */
#include "round_trip.h"
#include <sched.h>

static int pair[2], to_thread[2], to_child[2];

static void *close_it(void *nothing)
{
	char byte;
	must(read(to_thread[0], &byte, 1) == 1);
	must(close(pair[1]) == 0);
	must(write(to_child[1], "x", 1) == 1);
	return nothing;
}

static int use_it(void *nothing)
{
	char byte;
	(void)nothing;
	if (write(to_thread[1], "x", 1) != 1 || read(to_child[0], &byte, 1) != 1)
		_exit(98);
	_exit(send(pair[1], "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno);
}

int main(int count, char **arguments)
{
	static char stack[1 << 16];
	must(count == 2);
	at_most_a_minute();
	must(pipe(to_thread) == 0 && pipe(to_child) == 0);
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	pthread_t thread = start_thread(close_it, NULL);
	pid_t child;
	if (!strcmp(arguments[1], "vfork")) {
		child = vfork();
		if (child == 0)
			use_it(NULL);
	} else {
		child = clone(use_it, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	}
	must(child > 0);
	say_end_of("child", child);
	must(pthread_join(thread, NULL) == 0);
	return 0;
}
