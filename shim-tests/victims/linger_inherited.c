/* A server that is executed with its listener, which then is told that connections end
 * by a reset: SO_LINGER{1,0}. The first one is accepted and closed.
 *
 * linger_inherited [LISTENER] */
#include "victim.h"

int main(int count, char **arguments)
{
	if (count == 1) {
		char number[16];
		snprintf(number, sizeof number, "%d", listener_for(AF_INET, 0));
		execl("/proc/self/exe", arguments[0], number, (char *)NULL);
		die("execl");
	}
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	int listener = atoi(arguments[1]);
	at_most_a_minute();
	must(setsockopt(listener, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	announce(listener);
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
