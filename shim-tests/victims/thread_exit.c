/* The only thread of a process ends as a thread does, by syscall(SYS_exit, 7),
 * with a connection that it has just closed: 7 is the status of the process. */
#include "round_trip.h"

int main(void)
{
	at_most_a_minute();
	pid_t process = fork();
	if (process == 0) {
		int pair[2];
		tcp_pair(pair);
		must(close(pair[1]) == 0);
		syscall(SYS_exit, 7);
	}
	say_end_of("process", process);
	return 0;
}
