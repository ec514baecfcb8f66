/* A process closes a connection and then puts all of its threads under a filter
 * that kills. It has one thread; no other one may be caught by it. */
#include "sandbox.h"

/* Busy for as long as another thread would need; now_ms is no system call. */
static void child(void)
{
	int pair[2];
	tcp_pair(pair);
	must(close(pair[1]) == 0);
	no_new_privileges();
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &allow_list) == 0);
	long start = now_ms();
	while (now_ms() - start < 700)
		;
	_exit(0);
}

int main(void)
{
	at_most_a_minute();
	for (int round = 0; round < 2; round++) {
		pid_t process = fork();
		if (process == 0)
			child();
		say_end_of("process", process);
	}
	return 0;
}
