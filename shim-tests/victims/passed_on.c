/* A connection is sent to a process that was made before it was accepted. The sender closes
 * its own, and then the receiver answers and closes: it is the last.
 *
 * passed_on [nobody]: as an ordinary user */
#include "passing.h"

static void receive_and_serve(int link, int start, int is_nobody)
{
	char byte;
	at_most_a_minute();
	must(!is_nobody || (setgid(65534) == 0 && setuid(65534) == 0));
	int conn = receive_fd(link, 0, 0);
	must(read(start, &byte, 1) == 1);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	must(read(start, &byte, 1) == 0);
	exit(0);
}

int main(int count, char **arguments)
{
	int link[2], start[2];
	unix_pair(link);
	must(pipe(start) == 0);
	int listener = listen_tcp();
	pid_t child = fork();
	if (child == 0) {
		must(close(start[1]) == 0);
		receive_and_serve(link[1], start[0], count == 2 && !strcmp(arguments[1], "nobody"));
	}
	int conn = accept_one(listener);
	send_fd(link[0], conn, 0);
	must(close(conn) == 0);
	must(write(start[1], "x", 1) == 1);
	wait_for_the_end();
	must(close(start[1]) == 0);
	wait_for_child(child);
	return 0;
}
