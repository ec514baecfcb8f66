/* The processor's counter is forbidden, and a child is made. */
#include "victim.h"
#include <sys/prctl.h>

int main(void)
{
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV)) {
		say("unsupported: PR_SET_TSC");
		return 0;
	}
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	wait_for_child(child);
	say("forked");
	return 0;
}
