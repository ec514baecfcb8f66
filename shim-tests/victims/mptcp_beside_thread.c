/* Closes a connection of MPTCP beside a thread, which might be writing to it. */
#include "victim.h"

static void *sleeper(void *nothing)
{
	pause();
	return nothing;
}

int main(void)
{
	at_most_a_minute();
	start_thread(sleeper, NULL);
	int listener = listener_for(AF_INET, IPPROTO_MPTCP);
	int peer = connect_to(port_of(listener)), conn = accept_one(listener);
	must(write(conn, "x", 1) == 1);
	must(close(conn) == 0 && close(peer) == 0 && close(listener) == 0);
	return 0;
}
