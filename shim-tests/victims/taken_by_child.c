/* A child that never had the connection takes it out of its parent by pidfd_getfd, and
 * says so; the parent closes its own.
 *
 * taken_by_child (libc|syscall) (fork|clone) */
#include "raw_clone.h"
#include "round_trip.h"
#include <dlfcn.h>
#include <sys/prctl.h>

static int to_child[2], to_parent[2];

static int taken(const char *way, int fd)
{
	int parent = syscall(SYS_pidfd_open, getppid(), 0);
	int (*by_libc)(int, int, unsigned) = (int (*)(int, int, unsigned))dlsym(RTLD_DEFAULT, "pidfd_getfd");
	if (!strcmp(way, "libc") && by_libc)
		return by_libc(parent, fd, 0);
	return syscall(SYS_pidfd_getfd, parent, fd, 0);
}

static void take_and_serve(const char *way)
{
	int fd;
	char byte;
	at_most_a_minute();
	must(read(to_child[0], &fd, sizeof fd) == sizeof fd);
	int copy = taken(way, fd);
	must(write(to_parent[1], copy >= 0 ? "y" : "n", 1) == 1);
	must(read(to_child[0], &byte, 1) == 1);
	send(copy, "x", 1, MSG_NOSIGNAL);
	for (;;)
		pause();
}

static const char *by;

static int served(void *nothing)
{
	(void)nothing;
	take_and_serve(by);
	return 0;
}

int main(int count, char **arguments)
{
	static char stack[1 << 16];
	int pair[2], first[2];
	char byte;
	must(count == 3);
	by = arguments[1];
	at_most_a_minute();
	must(pipe(to_child) == 0 && pipe(to_parent) == 0);
	/* A connection before the fork: what the family shares is there. */
	tcp_pair(first);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	int is_clone = !strcmp(arguments[2], "clone");
	pid_t child = is_clone ? clone(served, stack + sizeof stack, SIGCHLD, NULL) : fork();
	if (child == 0)
		take_and_serve(by);
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	must(write(to_child[1], &pair[1], sizeof pair[1]) == sizeof pair[1]);
	must(read(to_parent[0], &byte, 1) == 1);
	if (byte == 'n')
		unsupported("pidfd_getfd");
	must(close(pair[1]) == 0);
	must(write(to_child[1], "x", 1) == 1);
	ssize_t got = recv(pair[0], &byte, 1, 0);
	say("the child's answer: %s", got == 1 ? "comes" : "end of the connection");
	must(kill(child, SIGKILL) == 0);
	return 0;
}
