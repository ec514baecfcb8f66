/* A program with a pid namespace and a /proc of its own inherited a connection.
 * It ends, and cannot see who else has it. The parent goes on. */
#include "round_trip.h"
#include <sched.h>
#include <sys/mount.h>

static void own_proc(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		_exit(errno);
}

static pid_t start_inside(int fd)
{
	char number[16];
	snprintf(number, sizeof number, "%d", fd);
	/* Before /proc changes. */
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWPID))
		unsupported("unshare");
	pid_t child = fork();
	if (child == 0) {
		own_proc();
		fexecve(self, (char *[]){"pidns_inherited", number, NULL}, environ);
		_exit(errno);
	}
	return child;
}

/* What runs inside: it says one byte to the peer and ends. */
static int inside(int fd)
{
	must(write(fd, "x", 1) == 1);
	return 0;
}

int main(int count, char **arguments)
{
	int pair[2], status;
	char byte;
	if (count == 2)
		return inside(atoi(arguments[1]));
	at_most_a_minute();
	tcp_pair(pair);
	must(waitpid(start_inside(pair[1]), &status, 0) > 0);
	if ((errno = WEXITSTATUS(status)) && status)
		unsupported("a namespace with its own /proc");
	must(read(pair[0], &byte, 1) == 1);
	say("parent: %s", round_trip(pair[1], pair[0]));
	return 0;
}
