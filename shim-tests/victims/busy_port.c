/* A port is wanted again right after a close that natively is a reset, because something
 * was unread: its peer stays. And one whose connection natively goes on: nothing was unread.
 *
 * busy_port (bind|connect|going-on) */
#include "victim.h"

enum { ROUNDS = 4, LENGTH = sizeof(struct sockaddr_in) };

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static const char *outcome(int result) { return result ? strerrorname_np(errno) : "ok"; }

/* A server without SO_REUSEADDR starts anew. */
static void bind_again(int is_unread)
{
	int listener = listener_for(AF_INET, 0), port = port_of(listener);
	int peer = connect_to(port), conn = accept_one(listener);
	must(write(conn, "answer", 6) == 6);
	if (is_unread) {
		must(write(peer, "request", 7) == 7);
		await_unread(conn, 7);
	}
	must(close(conn) == 0 && close(listener) == 0);
	struct sockaddr_in address = local(port);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	say("bind: %s", outcome(bind(listener, (struct sockaddr *)&address, LENGTH)));
	must(close(peer) == 0);
}

static int free_port(void)
{
	int listener = listener_for(AF_INET, 0), port = port_of(listener);
	close(listener);
	return port;
}

/* A client with a port of its own, always the same. */
static void connect_again(void)
{
	int yes = 1, listener = listener_for(AF_INET, 0), own_port = free_port();
	struct sockaddr_in there = local(port_of(listener)), here = local(own_port);
	for (int round = 0; round < ROUNDS; round++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
		const char *bound = outcome(bind(fd, (struct sockaddr *)&here, LENGTH));
		const char *connected = outcome(connect(fd, (struct sockaddr *)&there, LENGTH));
		say("bind: %s, connect: %s", bound, connected);
		if (strcmp(connected, "ok"))
			return;
		int peer = accept_one(listener);
		must(write(fd, "hello", 5) == 5 && write(peer, "banner", 6) == 6);
		await_unread(fd, 6);
		must(close(fd) == 0);
	}
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	if (!strcmp(arguments[1], "connect"))
		connect_again();
	else
		bind_again(!strcmp(arguments[1], "bind"));
	return 0;
}
