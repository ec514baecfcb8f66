/* A number was closed by fclose, and then taken by a connection that no function
 * of libc accepted. It is duplicated and closed; the duplicate stays in use.
 *
 * stale_number (syscall|instruction) */
#include "by_instruction.h"
#include "round_trip.h"

static int accept_raw(int listener, int by_syscall)
{
	return by_syscall ? syscall(SYS_accept4, listener, 0, 0, 0) : by_instruction(SYS_accept4, listener, 0, 0, 0);
}

int main(int count, char **arguments)
{
	int pair[2];
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	FILE *stream = fdopen(pair[1], "r+");
	int listener = listener_for(AF_INET, 0), client = connect_to(port_of(listener));
	must(stream && fclose(stream) == 0);
	int conn = accept_raw(listener, !strcmp(arguments[1], "syscall"));
	must(conn == pair[1]);
	int copy = dup(conn);
	must(copy >= 0 && close(conn) == 0);
	say("copy: %s", round_trip(copy, client));
	return 0;
}
