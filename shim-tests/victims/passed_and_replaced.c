/* A connection is in a message that nobody has received when the program replaces itself. The next
 * image closes its own number, and then receives the message. Nobody but the old image knew of it,
 * and no process has the message.
 *
 * Or another process executes the next image, and ends at once, while a relative of it lives: it gets
 * what is not close-on-exec (spawned), or what is given to it (given).
 *
 * passed_and_replaced (alone|orphaned|spawned|given) LOWEST-NUMBER */
#include "image.h"
#include "passing.h"
#include <spawn.h>

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

static char **words_for(int conn, int link)
{
	static char numbers[2][16], *words[5];
	snprintf(numbers[0], sizeof numbers[0], "%d", conn);
	snprintf(numbers[1], sizeof numbers[1], "%d", link);
	words[0] = (char *)this_program();
	words[1] = "next";
	words[2] = numbers[0];
	words[3] = numbers[1];
	return words;
}

static void replace(int conn, int link)
{
	char **words = words_for(conn, link);
	execv(words[0], words);
	die("execv");
}

/* It has none of the connections, and ends when the next image does. */
static void leave_a_relative(int conn, const int link[2])
{
	int lives[2];
	char byte;
	must(pipe(lives) == 0);
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		must(close(conn) == 0 && close(link[0]) == 0 && close(link[1]) == 0 && close(lives[1]) == 0);
		must(read(lives[0], &byte, 1) == 0);
		_exit(0);
	}
}

static _Noreturn void spawn(int conn, const int link[2], int is_given)
{
	enum { GIVEN_CONNECTION = 50, GIVEN_LINK };
	posix_spawn_file_actions_t actions;
	pid_t next;
	must(posix_spawn_file_actions_init(&actions) == 0);
	if (is_given) {
		close_on_exec(conn);
		close_on_exec(link[0]);
		close_on_exec(link[1]);
		must(posix_spawn_file_actions_adddup2(&actions, conn, GIVEN_CONNECTION) == 0);
		must(posix_spawn_file_actions_adddup2(&actions, link[1], GIVEN_LINK) == 0);
	}
	char **words = is_given ? words_for(GIVEN_CONNECTION, GIVEN_LINK) : words_for(conn, link[1]);
	must(posix_spawn(&next, words[0], &actions, NULL, words, environ) == 0);
	_exit(0);
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
	int is_given = !strcmp(arguments[1], "given");
	if (is_given || !strcmp(arguments[1], "spawned")) {
		leave_a_relative(conn, link);
		spawn(conn, link, is_given);
	}
	replace(conn, link[1]);
}
