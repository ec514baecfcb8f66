/* A program with another thread ends while a peer of it has not closed yet. */
#include "ending.h"

static void *sleep_on(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	start_thread(sleep_on, NULL);
	must(close(pair[1]) == 0);
	return STATUS;
}
