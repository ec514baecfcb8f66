/* A process for each session, which has two connections: control and data. It answers on
 * the second while its peer still uploads, closes that, and goes on with the first until
 * the client has enough. */
#include "victim.h"

static void serve(int control, int data)
{
	char byte;
	respond(data, 0, read_request(data));
	must(close(data) == 0);
	must(write(control, "552 too large\n", 14) == 14);
	must(read(control, &byte, 1) == 0);
	must(close(control) == 0);
	_exit(0);
}

int main(void)
{
	int listener = listen_tcp();
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int control = accept_one(listener);
		int data = accept_one(listener);
		if (fork() == 0)
			serve(control, data);
		must(close(control) == 0 && close(data) == 0);
		say("session");
	}
}
