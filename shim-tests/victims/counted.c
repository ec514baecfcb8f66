/* Closes of every kind, each a different number of times, for whoever counts them.
 * The connections come in the order of the requests; the first byte of each says what
 * is to become of it. */
#include "victim.h"
#include <sys/un.h>

static void close_twice(int first, int second) { must(close(first) == 0 && close(second) == 0); }

static void close_what_is_no_connection(void)
{
	int pipes[2], pair[2];
	must(pipe(pipes) == 0);
	close_twice(pipes[0], pipes[1]);
	must(close(open("/dev/null", O_RDONLY)) == 0);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	close_twice(pair[0], pair[1]);
	must(close(socket(AF_INET, SOCK_DGRAM, 0)) == 0);
	must(close(socket(AF_INET, SOCK_DGRAM, 0)) == 0);
	must(close(-1) == -1 && close(900) == -1);
	must(close(socket(AF_INET, SOCK_STREAM, 0)) == 0);
}

static void close_shared(int conn)
{
	int copy = dup(conn);
	must(close(copy) == 0);
	copy = dup(conn);
	must(close(copy) == 0);
	must(close(conn) == 0);
}

static void close_by_reset(int conn)
{
	struct linger reset = {.l_onoff = 1};
	must(setsockopt(conn, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	must(close(conn) == 0);
}

static void close_after_the_peer(int conn)
{
	char byte;
	must(read(conn, &byte, 1) == 0);
	must(close(conn) == 0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	close_what_is_no_connection();
	for (const char *kind = arguments[1]; *kind; kind++) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		if (*kind == 's')
			close_shared(conn);
		else if (*kind == 'r')
			close_by_reset(conn);
		else if (*kind == 'f')
			close_after_the_peer(conn);
		else
			must(close(conn) == 0);
		say("next");
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
