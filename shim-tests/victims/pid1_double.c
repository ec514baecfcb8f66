/* Pid 1 makes a child on its own memory, in a pid namespace where that is pid 1 as well,
 * as a sandbox does that is about to execute. The child closes its copies, and ends.
 *
 * pid1_double (newpid|unshare) */
#include "round_trip.h"
#include <sched.h>
#include <sys/mount.h>

static int pair[2], later[2];
static char stack[1 << 16];

static int child(void *nothing)
{
	(void)nothing;
	_exit(getpid() != 1 || close(pair[1]) != 0);
}

static pid_t double_of_us(const char *way)
{
	if (!strcmp(way, "newpid"))
		return clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_NEWPID | SIGCHLD, NULL);
	must(unshare(CLONE_NEWPID) == 0);
	pid_t process = vfork();
	if (process == 0)
		child(NULL);
	return process;
}

static int as_pid_1(const char *way)
{
	at_most_a_minute();
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	pid_t process = double_of_us(way);
	must(getpid() == 1 && process > 0);
	say_end_of("child", process);
	say("parent: %s", round_trip(pair[1], pair[0]));
	/* The counts are right for what comes afterwards. */
	if (strcmp(way, "newpid"))
		return 0;
	tcp_pair(later);
	must(one_byte(later[1], later[0]) == NULL);
	process = fork();
	if (process == 0)
		_exit(close(later[1]) != 0);
	say_end_of("child", process);
	say("parent: %s", round_trip(later[1], later[0]));
	return 0;
}

static void start_as_pid_1(int self, const char *way)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		unsupported("a namespace with its own /proc");
	fexecve(self, (char *[]){"pid1_double", (char *)way, "as pid 1", NULL}, environ);
	_exit(99);
}

int main(int count, char **arguments)
{
	if (count == 3)
		return as_pid_1(arguments[1]);
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWPID))
		unsupported("unshare");
	pid_t process = fork();
	if (process == 0)
		start_as_pid_1(self, arguments[1]);
	wait_for_child(process);
	return 0;
}
