/* A job in a process group of its own ends while its peer has not read all: its group is
 * empty when it has been waited for. */
#include "ending.h"

int main(void)
{
	int status;
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0), peer = slow_peer_of(listener);
	pid_t job = fork();
	if (job == 0) {
		must(setpgid(0, 0) == 0 && close(peer) == 0);
		answer_one(listener);
		exit(STATUS);
	}
	must(waitpid(job, &status, 0) == job);
	say("job: status %d", WEXITSTATUS(status));
	int is_empty = kill(-job, 0) && errno == ESRCH;
	say("group: %s", is_empty ? "empty" : "not empty");
	return 0;
}
