/* A process for each connection, as inetd, sshd and many others do it. One that is
 * asked to hold lives until its peer goes. */
#include "bench.h"

static void serve(int conn)
{
	if (read_byte(conn) == 'H') {
		must(write(conn, "h", 1) == 1);
		while (read_byte(conn))
			;
	} else {
		answer(conn);
	}
	must(close(conn) == 0);
	_exit(0);
}

int main(void)
{
	int listener = listen_for_load();
	for (;;) {
		int conn = accept_one(listener);
		pid_t child = fork();
		must(child >= 0);
		if (child == 0) {
			must(close(listener) == 0);
			serve(conn);
		}
		must(close(conn) == 0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
