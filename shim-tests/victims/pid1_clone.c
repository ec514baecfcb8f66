/* A program that is pid 1 clones a child into another pid namespace, where it is
 * pid 1 as well. The child closes its copies of a connection, of which the parent
 * has two; the parent closes one and goes on with the other. */
#include "round_trip.h"
#include <sched.h>
#include <sys/mount.h>

static int pair[2], copy;
static char stack[1 << 16];

static int child(void *nothing)
{
	(void)nothing;
	must(getpid() == 1 && close(pair[1]) == 0 && close(copy) == 0);
	_exit(0);
}

static int as_pid_1(void)
{
	at_most_a_minute();
	tcp_pair(pair);
	copy = dup(pair[1]);
	pid_t process = clone(child, stack + sizeof stack, CLONE_NEWPID | SIGCHLD, NULL);
	must(getpid() == 1 && process > 0);
	say_end_of("child", process);
	must(close(pair[1]) == 0);
	say("parent: %s", round_trip(copy, pair[0]));
	return 0;
}

static void start_as_pid_1(int self)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		unsupported("a namespace with its own /proc");
	fexecve(self, (char *[]){"pid1_clone", "as pid 1", NULL}, environ);
	_exit(99);
}

int main(int count, char **arguments)
{
	(void)arguments;
	if (count == 2)
		return as_pid_1();
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWPID))
		unsupported("unshare");
	pid_t process = fork();
	if (process == 0)
		start_as_pid_1(self);
	wait_for_child(process);
	return 0;
}
