/* The cancel state that the program's own handlers around a fork find, and what they leave behind.
 *
 * atfork_cancel_state (asks|prepare|parent|child): who disables cancellation. */
#include "victim.h"
#include <pthread.h>
#include <sys/mman.h>

enum { PREPARE, PARENT, CHILD, AFTER, AFTER_IN_CHILD, MOMENTS };

static const char *const names[] = {"prepare", "parent", "child", "after it", "after it, in the child"};
static const char *who_disables;
/* Parent and child write at the same time. */
static volatile int *found;

static int state(void)
{
	int before, ours;
	must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0);
	must(pthread_setcancelstate(before, &ours) == 0);
	return before;
}

static void handle(int moment)
{
	int former;
	found[moment] = state();
	if (!strcmp(names[moment], who_disables))
		must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &former) == 0);
}

static void prepare(void) { handle(PREPARE); }
static void parent(void) { handle(PARENT); }
static void child(void) { handle(CHILD); }

int main(int count, char **arguments)
{
	must(count == 2);
	who_disables = arguments[1];
	found = mmap(NULL, MOMENTS * sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(found != MAP_FAILED && pthread_atfork(prepare, parent, child) == 0);
	/* So that there is something to count. */
	listener_for(AF_INET, 0);
	pid_t process = fork();
	if (process == 0) {
		found[AFTER_IN_CHILD] = state();
		_exit(0);
	}
	found[AFTER] = state();
	wait_for_child(process);
	for (int moment = 0; moment < MOMENTS; moment++)
		say("%s: %d", names[moment], found[moment]);
	return 0;
}
