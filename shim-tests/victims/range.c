/* N connections, with files, pipes and listeners between them, and all closed
 * with one call, which leaves what is below and above them.
 *
 * range (close_range|SYS_close_range|closefrom) N */
#include "range.h"

static int something_else(int turn)
{
	int ends[2];
	switch (turn % 3) {
	case 0: return null_file();
	case 1: return listener_for(AF_INET, 0);
	default: must(pipe(ends) == 0); return ends[1];
	}
}

int main(int count, char **arguments)
{
	must(count == 3);
	const char *way = arguments[1];
	int connections = atoi(arguments[2]), listener = listen_tcp();
	int below = null_file(), last = below;
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		last = something_else(at);
	}
	int above = dup2(below, last + 1);
	must(above == last + 1);
	close_all(way, below + 1, last);
	must(open_between(below + 1, last) == 0);
	must(fcntl(below, F_GETFD) >= 0 && fcntl(listener, F_GETFD) >= 0);
	must((fcntl(above, F_GETFD) >= 0) == (strcmp(way, "closefrom") != 0));
	say("closed");
	wait_for_the_end();
	return 0;
}
