/* Six processes that end with their connections, one after the other, and then one that
 * closes its own with much unread, and at once does what a process with two threads
 * cannot, or waits for another program.
 *
 * brief_let_go (setuid|seccomp|emfile|system) */
#include "victim.h"
#include <sys/prctl.h>
#include <sys/resource.h>

enum { BRIEF = 6 };

static void run_out(void)
{
	struct rlimit few = {.rlim_cur = 32, .rlim_max = 32};
	must(setrlimit(RLIMIT_NOFILE, &few) == 0);
	while (dup(1) >= 0)
		;
}

static void go_on(const char *what)
{
	if (!strcmp(what, "setuid"))
		must(setuid(getuid()) == 0);
	else if (!strcmp(what, "seccomp"))
		must(prctl(PR_SET_SECCOMP, 1) == 0);
	else if (!strcmp(what, "system"))
		must(system("read -r line; true") == 0);
	else
		run_out();
	/* The one end that a strict filter allows. */
	syscall(SYS_exit, 0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	for (int served = 0; served <= BRIEF; served++) {
		int conn = accept_one(listener);
		pid_t child = fork();
		if (child == 0) {
			respond(conn, 0, read_request(conn));
			must(close(conn) == 0);
			if (served == BRIEF)
				go_on(arguments[1]);
			_exit(0);
		}
		must(close(conn) == 0);
		wait_for_child(child);
	}
	wait_for_the_end();
	return 0;
}
