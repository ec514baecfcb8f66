/* A container, and a server in it that gets its connection as its standard streams. Whoever
 * made them is not shimmed, and has closed its own by then: PRELOAD_CHILD is for the server
 * alone. Its parent is pid 1 in there.
 *
 * served_inside (exit|close): how the server ends the connection */
#include "round_trip.h"
#include <sched.h>

static void become_server(int conn, char *how)
{
	char preload[4096];
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("PRELOAD_CHILD"));
	must(dup2(conn, 0) == 0 && dup2(conn, 1) == 1 && dup2(conn, 2) == 2 && close(conn) == 0);
	execve("/proc/self/exe", (char *[]){"served_inside", "server", how, NULL}, (char *[]){preload, NULL});
	_exit(98);
}

static void be_pid_1(int conn, int start, char *how)
{
	char byte;
	at_most_a_minute();
	pid_t server = fork();
	if (server == 0) {
		must(read(start, &byte, 1) == 1);
		become_server(conn, how);
	}
	must(server > 0 && close(conn) == 0);
	wait_for_child(server);
	_exit(0);
}

static int serve(const char *how)
{
	respond(1, 0, read_request(0));
	for (int number = 0; number < 3 && !strcmp(how, "close"); number++)
		must(close(number) == 0);
	return 0;
}

int main(int count, char **arguments)
{
	int start[2];
	must(count >= 2);
	if (!strcmp(arguments[1], "server"))
		return serve(arguments[2]);
	must(pipe2(start, O_CLOEXEC) == 0);
	int listener = listen_tcp();
	if (unshare(CLONE_NEWPID))
		unsupported("a pid namespace");
	int conn = accept_one(listener);
	pid_t child = fork();
	if (child == 0)
		be_pid_1(conn, start[0], arguments[1]);
	must(child > 0 && close(conn) == 0);
	must(write(start[1], "x", 1) == 1);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
