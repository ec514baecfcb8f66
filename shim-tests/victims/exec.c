/* A program executes another one, and the kernel closes a connection on the way.
 *
 * exec WAY STATE [PATH]: this program, or the one at PATH; the connection is
 *	open	close-on-exec
 *	copies	close-on-exec on two numbers
 *	pending	closed just before
 *	thread	close-on-exec, and a thread executes while main waits in accept
 *	pending-thread	the same, closed just before */
#include "road.h"

static const char *way, *path;
static int listener;

static void go_on(void)
{
	char *arguments[] = {(char *)path, "left", NULL};
	execute(way, path, arguments);
	die(way);
}

static void *other_thread(void *nothing)
{
	go_on();
	return nothing;
}

static void prepare(int conn, const char *state)
{
	if (!strcmp(state, "copies"))
		must(fcntl(conn, F_DUPFD_CLOEXEC, 0) >= 0);
	if (!strncmp(state, "pending", 7))
		must(close(conn) == 0);
	else
		close_on_exec(conn);
}

int main(int count, char **arguments)
{
	left_if_told(count, arguments);
	must(count >= 3);
	way = arguments[1];
	path = count == 4 ? arguments[3] : this_program();
	listener = listen_tcp();
	close_on_exec(listener);
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	prepare(conn, arguments[2]);
	if (!strstr(arguments[2], "thread"))
		go_on();
	start_thread(other_thread, NULL);
	accept_one(listener);
	return 0;
}
