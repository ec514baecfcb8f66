/* A connection is sent to another process and closed before it is received: for
 * a while no process holds it, only the message. /proc cannot see that. The
 * receiver was forked before the accept and never inherited it. */
#include "passing.h"

static void receiver(int link, int start, int by_recvmmsg)
{
	char byte;
	at_most_a_minute();
	must(read(start, &byte, 1) == 1);
	int conn = receive_fd(link, 0, by_recvmmsg);
	respond_in_two(conn, read_request(conn));
	must(close(conn) == 0);
	exit(0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	int link[2], start[2];
	unix_pair(link);
	must(pipe(start) == 0);
	int listener = listen_tcp();
	pid_t child = fork();
	if (child == 0)
		receiver(link[1], start[0], !strcmp(arguments[2], "recvmmsg"));
	int conn = accept_one(listener);
	send_fd(link[0], conn, !strcmp(arguments[1], "sendmmsg"));
	must(close(conn) == 0);
	say("closed");
	hear();
	must(write(start[1], "x", 1) == 1);
	wait_for_child(child);
	return 0;
}
