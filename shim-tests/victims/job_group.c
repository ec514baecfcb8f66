/* A job in a process group of its own ends while its peer has not read all: its group is
 * empty when it has been waited for. */
#include "ending.h"

enum { RESPONSE = 1 << 20 };

int main(void)
{
	int status;
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0), peer = connect_slowly(port_of(listener));
	must(write(peer, "GO 0 0\nmore", 11) == 11);
	pid_t job = fork();
	if (job == 0) {
		must(setpgid(0, 0) == 0 && close(peer) == 0);
		int conn = accept_one(listener);
		read_request(conn);
		respond(conn, 0, RESPONSE);
		exit(STATUS);
	}
	must(waitpid(job, &status, 0) == job);
	say("job: status %d", WEXITSTATUS(status));
	int is_empty = kill(-job, 0) && errno == ESRCH;
	say("group: %s", is_empty ? "empty" : "not empty");
	return 0;
}
