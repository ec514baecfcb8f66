/* Resets N connections of its own, each as soon as it is there, when the test says so. */
#include "victim.h"

int main(int count, char **arguments)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	must(hear());
	for (int at = 0; at < connections; at++) {
		int client = connect_to(port_of(listener)), server = accept_one(listener);
		must(setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
		must(close(server) == 0 && close(client) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
