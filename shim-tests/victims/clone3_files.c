/* A child process by clone3 shares the table of descriptors, and makes a copy of a
 * connection in it; the parent closes its own number. */
#include "round_trip.h"
#include <linux/sched.h>

int main(void)
{
	int pair[2], to_child[2], to_parent[2], number;
	at_most_a_minute();
	must(pipe(to_child) == 0 && pipe(to_parent) == 0);
	struct clone_args arguments = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	pid_t child = syscall(SYS_clone3, &arguments, sizeof arguments);
	if (child < 0)
		unsupported("clone3");
	if (child == 0) {
		must(read(to_child[0], &number, sizeof number) == sizeof number);
		number = dup(number);
		must(write(to_parent[1], &number, sizeof number) == sizeof number);
		pause();
		_exit(0);
	}
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	must(write(to_child[1], &pair[1], sizeof pair[1]) == sizeof pair[1]);
	must(read(to_parent[0], &number, sizeof number) == sizeof number);
	must(close(pair[1]) == 0);
	say("copy: %s", round_trip(number, pair[0]));
	must(kill(child, SIGKILL) == 0);
	return 0;
}
