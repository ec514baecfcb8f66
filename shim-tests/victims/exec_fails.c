/* An exec fails: the connection, which it would have closed, is in full use
 * after it, and the reason is that of libc.
 *
 * exec_fails WAY PATH HOW, with HOW one of
 *	alone	with one thread
 *	beside	beside a thread that serves
 *	pending	a connection that was closed before is delivered all the same
 *	kept	before the close of one that is not close-on-exec: here, and in a vfork child
 *	busy	the file being open for writing
 *	user	as an effective user that is not the real one
 * PATH "E2BIG" is this program with too long an argument. */
#include "road.h"

enum { TOO_LONG = 1 << 20 };

static const char *way, *path;
static char *word = "left";
static int conn;
static size_t response;
static _Atomic int over;

static const char *reason(void)
{
	char *arguments[] = {(char *)path, word, NULL};
	errno = 0;
	must(execute(way, path, arguments) == -1);
	return strerrorname_np(errno);
}

static void *server(void *nothing)
{
	respond_in_two(conn, response);
	over = 1;
	return nothing;
}

static void beside(void)
{
	pthread_t thread = start_thread(server, NULL);
	do
		reason();
	while (!over);
	pthread_join(thread, NULL);
	must(close(conn) == 0);
}

static void pending(void)
{
	respond(conn, 0, response);
	must(close(conn) == 0);
	say("%s", reason());
}

static void kept(void)
{
	must(fcntl(conn, F_SETFD, 0) == 0);
	say("%s", reason());
	pid_t child = vfork();
	if (child == 0) {
		char *arguments[] = {(char *)path, NULL};
		execute(way, path, arguments);
		_exit(0);
	}
	wait_for_child(child);
	respond(conn, 0, response);
	must(close(conn) == 0);
}

static void alone(const char *how)
{
	if (!strcmp(how, "busy"))
		must(open(path, O_WRONLY | O_APPEND | O_CLOEXEC) >= 0);
	if (!strcmp(how, "user"))
		must(seteuid(65534) == 0);
	say("%s", reason());
	respond_in_two(conn, response);
	must(close(conn) == 0);
}

int main(int count, char **arguments)
{
	must(count == 4);
	way = arguments[1];
	path = arguments[2];
	if (!strcmp(path, "E2BIG")) {
		path = this_program();
		must((word = malloc(TOO_LONG)) != NULL);
		memset(word, 'x', TOO_LONG - 1);
		word[TOO_LONG - 1] = 0;
	}
	conn = accept_one(listen_tcp());
	close_on_exec(conn);
	response = read_request(conn);
	if (!strcmp(arguments[3], "beside"))
		beside();
	else if (!strcmp(arguments[3], "kept"))
		kept();
	else if (!strcmp(arguments[3], "pending"))
		pending();
	else
		alone(arguments[3]);
	wait_for_the_end();
	return 0;
}
