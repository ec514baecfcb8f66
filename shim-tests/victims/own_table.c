/* A thread takes a table of descriptors of its own and keeps a connection in use, which the
 * rest of its process and another one close.
 *
 * own_table HOW WHERE, with HOW one of unshare, SYS_unshare, close_range; WHERE is "child"
 * or "parent", whichever process the thread is in. */
#include "kept_by_another.h"
#include <linux/close_range.h>
#include <sched.h>

static const char *how;
static struct turn turns[4];
enum { HAS_TABLE, ITS_PROCESS_HAS_CLOSED, BOTH_HAVE_CLOSED, IS_OVER };

static void take_a_table(void)
{
	if (!strcmp(how, "unshare"))
		must(unshare(CLONE_FILES) == 0);
	else if (!strcmp(how, "SYS_unshare"))
		must(syscall(SYS_unshare, CLONE_FILES) == 0);
	else
		must(close_range(1000, 2000, CLOSE_RANGE_UNSHARE) == 0);
}

static void *keep(void *nothing)
{
	take_a_table();
	give(&turns[HAS_TABLE]);
	await(&turns[BOTH_HAVE_CLOSED]);
	say("thread: %s", use());
	give(&turns[IS_OVER]);
	return nothing;
}

static void with_thread(void)
{
	pthread_t thread = start_thread(keep, NULL);
	await(&turns[HAS_TABLE]);
	must(close(pair[1]) == 0);
	give(&turns[ITS_PROCESS_HAS_CLOSED]);
	pthread_join(thread, NULL);
}

static void without_thread(void)
{
	await(&turns[ITS_PROCESS_HAS_CLOSED]);
	must(close(pair[1]) == 0);
	give(&turns[BOTH_HAVE_CLOSED]);
	await(&turns[IS_OVER]);
}

int main(int count, char **arguments)
{
	must(count == 3);
	how = arguments[1];
	int is_in_child = !strcmp(arguments[2], "child");
	at_most_a_minute();
	make_turns(turns, 4);
	make_connection();
	pid_t child = fork();
	if ((child == 0) == is_in_child)
		with_thread();
	else
		without_thread();
	if (child == 0)
		_exit(0);
	wait_for_child(child);
	return 0;
}
