/* The cancel state that the program's own handlers around a fork find, and what they leave behind.
 *
 * atfork_cancel_state (asks|prepare|parent|child): who disables cancellation. */
#include "victim.h"
#include <pthread.h>

static const char *who_disables;

static int state(void)
{
	int found, ours;
	must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &found) == 0);
	must(pthread_setcancelstate(found, &ours) == 0);
	return found;
}

static void handle(const char *who)
{
	int former;
	say("%s: %d", who, state());
	if (!strcmp(who, who_disables))
		must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former) == 0);
}

static void prepare(void) { handle("prepare"); }
static void parent(void) { handle("parent"); }
static void child(void) { handle("child"); }

int main(int count, char **arguments)
{
	must(count == 2);
	who_disables = arguments[1];
	must(pthread_atfork(prepare, parent, child) == 0);
	/* So that there is something to count. */
	listener_for(AF_INET, 0);
	int turns[2];
	char byte;
	must(pipe(turns) == 0);
	pid_t process = fork();
	if (process == 0) {
		must(close(turns[1]) == 0 && read(turns[0], &byte, 1) == 0);
		say("after it, child: %d", state());
		_exit(0);
	}
	say("after it: %d", state());
	must(close(turns[1]) == 0);
	wait_for_child(process);
	return 0;
}
