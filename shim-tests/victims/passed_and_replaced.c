/* A connection is in a message that nobody has received when the program replaces itself. The next
 * image closes its own number, and then receives the message. Nobody but the old image knew of it,
 * and no process has the message.
 *
 * passed_and_replaced (alone|orphaned) LOWEST-NUMBER */
#include "image.h"
#include "passing.h"

static void serve_received(int conn, int link)
{
	at_most_a_minute();
	char line[16];
	size_t response = read_request(conn);
	respond(conn, 0, response / 2);
	must(close(conn) == 0);
	conn = receive_fd(link, 0, 0);
	read_line(conn, line, sizeof line);
	respond(conn, response / 2, response);
	exit(0);
}

static void replace(int conn, int link)
{
	char numbers[2][16];
	snprintf(numbers[0], sizeof numbers[0], "%d", conn);
	snprintf(numbers[1], sizeof numbers[1], "%d", link);
	char *words[] = {(char *)this_program(), "next", numbers[0], numbers[1], NULL};
	execv(words[0], words);
	die("execv");
}

/* The process that has sent the message ends before its child replaces itself. */
static void leave_to_a_child(void)
{
	int lives[2];
	char byte;
	must(pipe(lives) == 0);
	pid_t child = fork();
	must(child >= 0);
	if (child)
		_exit(0);
	must(close(lives[1]) == 0 && read(lives[0], &byte, 1) == 0);
}

int main(int count, char **arguments)
{
	int link[2];
	if (count == 4 && !strcmp(arguments[1], "next"))
		serve_received(atoi(arguments[2]), atoi(arguments[3]));
	must(count == 3);
	unix_pair(link);
	int accepted = accept_one(listen_tcp());
	int conn = fcntl(accepted, F_DUPFD, atoi(arguments[2]));
	must(conn >= 0 && close(accepted) == 0);
	send_fd(link[0], conn, 0);
	if (!strcmp(arguments[1], "orphaned"))
		leave_to_a_child();
	replace(conn, link[1]);
}
