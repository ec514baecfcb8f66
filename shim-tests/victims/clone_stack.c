/* glibc's clone with a stack and a function of the program's own; the child
 * serves or the parent does. */
#include "victim.h"
#include <sched.h>

static int conn, closed[2], child_serves;
static char stack[1 << 20] __attribute__((aligned(16)));

static int child(void *nothing)
{
	char byte;
	(void)nothing;
	if (child_serves) {
		must(read(closed[0], &byte, 1) == 1);
		respond_in_two(conn, read_request(conn));
	}
	must(close(conn) == 0);
	return 0;
}

int main(int count, char **arguments)
{
	must(count == 2);
	child_serves = !strcmp(arguments[1], "child");
	must(pipe(closed) == 0);
	conn = accept_one(listen_tcp());
	pid_t pid = clone(child, stack + sizeof stack, SIGCHLD, NULL);
	must(pid > 0);
	if (child_serves) {
		must(close(conn) == 0);
		must(write(closed[1], "x", 1) == 1);
	}
	wait_for_child(pid);
	if (!child_serves) {
		respond_in_two(conn, read_request(conn));
		must(close(conn) == 0);
	}
	wait_for_the_end();
	return 0;
}
