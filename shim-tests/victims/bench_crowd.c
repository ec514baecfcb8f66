/* N processes with M descriptors each, which do nothing. */
#include "bench.h"
#include <sys/prctl.h>

static void stand_about(int descriptors, int gate)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int at = 0; at < descriptors; at++)
		must(open("/dev/null", O_RDONLY) >= 0);
	must(write(gate, "g", 1) == 1);
	for (;;)
		pause();
}

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_an_hour();
	int gate[2], processes = atoi(arguments[1]);
	char byte;
	must(pipe(gate) == 0);
	for (int at = 0; at < processes; at++) {
		pid_t child = fork();
		must(child >= 0);
		if (child == 0)
			stand_about(atoi(arguments[2]), gate[1]);
	}
	for (int at = 0; at < processes; at++)
		must(read(gate[0], &byte, 1) == 1);
	say("there");
	wait_for_the_end();
	return 0;
}
