/* A process that is older than the connection gets it from a spawned one, which ends.
 * Then the server closes its own. */
#include "image.h"
#include "passing.h"
#include <spawn.h>

extern char **environ;

static void be_told(int count, char **arguments)
{
	if (count != 4)
		return;
	at_most_a_minute();
	int way = atoi(arguments[2]), conn = atoi(arguments[3]);
	if (!strcmp(arguments[1], "send")) {
		send_fd(way, conn, 0);
		exit(0);
	}
	conn = receive_fd(way, 0, 0);
	hear();
	respond_in_two(conn, read_request(conn));
	exit(0);
}

static pid_t spawn(const char *what, int way, int conn)
{
	char numbers[2][16];
	snprintf(numbers[0], sizeof numbers[0], "%d", way);
	snprintf(numbers[1], sizeof numbers[1], "%d", conn);
	char *words[] = {(char *)this_program(), (char *)what, numbers[0], numbers[1], NULL};
	pid_t child;
	must(posix_spawn(&child, words[0], NULL, NULL, words, environ) == 0);
	return child;
}

int main(int count, char **arguments)
{
	be_told(count, arguments);
	int ways[2], listener = listen_tcp();
	unix_pair(ways);
	pid_t older = spawn("serve", ways[1], -1);
	/* Times of processes are told in seconds. */
	must(poll(NULL, 0, 1100) == 0);
	int conn = accept_one(listener);
	wait_for_child(spawn("send", ways[0], conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_child(older);
	return 0;
}
