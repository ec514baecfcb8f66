/* Beside another thread: a close behind much that the peer has not acknowledged, on a socket
 * that does not block. No call can be under way on it, so the FIN is sent by the close.
 *
 * end_at_once */
#include "lingers.h"
#include <stdio.h>

/* The state of the connection from this port, as /proc/net/tcp has it; 0: none. */
static unsigned state_of(int port)
{
	char line[256];
	unsigned local, state = 0, found;
	FILE *all = fopen("/proc/net/tcp", "r");
	must(all);
	while (!state && fgets(line, sizeof line, all))
		if (sscanf(line, " %*d: %*x:%x %*x:%*x %x", &local, &found) == 2 && local == (unsigned)port && found != 10)
			state = found;
	fclose(all);
	return state;
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

int main(void)
{
	int pair[2];
	at_most_a_minute();
	start_thread(idle, NULL);
	tcp_pair(pair);
	must(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
	answer_unread(pair[1]);
	int port = port_of(pair[1]);
	must(close(pair[1]) == 0);
	say("the FIN: %s", state_of(port) == 1 ? "not yet" : "sent");
	_exit(0);
}
