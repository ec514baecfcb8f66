/* A connection is sent to a process that was made before it was accepted. The sender closes
 * its own, and then the receiver answers and closes: it is the last. No hook has seen the pair
 * of sockets on which it is sent.
 *
 * passed_on [nobody]: as an ordinary user */
#include "by_instruction.h"
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
	must(by_instruction(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)link) == 0);
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
