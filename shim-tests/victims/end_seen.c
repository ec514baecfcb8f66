/* When a peer sees the end, the number has been given up: whoever closes, and whatever the
 * close waits for.
 *
 * end_seen */
#include "stream.h"

static int pair[2];

static void *give_up(void *unused)
{
	must(send(pair[1], "answer", 6, MSG_NOSIGNAL) == 6);
	must(close(pair[1]) == 0);
	return unused;
}

int main(void)
{
	char text[8];
	at_most_a_minute();
	tcp_pair(pair);
	pthread_t closer = start_thread(give_up, NULL);
	while (recv(pair[0], text, sizeof text, 0) > 0)
		;
	say("the number: %s", fcntl(pair[1], F_GETFD) < 0 ? "free" : "open");
	must(close(pair[0]) == 0 && pthread_join(closer, NULL) == 0);
	return 0;
}
