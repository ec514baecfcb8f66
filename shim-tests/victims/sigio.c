/* O_ASYNC and the owner are properties of the open file: if somebody kept it
 * open beyond the close, its signals would go on. */
#include "victim.h"

static volatile sig_atomic_t signals;

static void on_sigio(int number)
{
	(void)number;
	signals = signals + 1;
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_sigio, .sa_flags = SA_RESTART};
	must(sigaction(SIGIO, &action, NULL) == 0);
	int conn = accept_one(listen_tcp());
	must(fcntl(conn, F_SETOWN, getpid()) == 0);
	must(fcntl(conn, F_SETFL, fcntl(conn, F_GETFL) | O_ASYNC) == 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	signals = 0;
	say("closed");
	for (int word = 0; word < 3; word++)
		hear();
	say("signals after the close: %d", (int)signals);
	wait_for_the_end();
	return 0;
}
