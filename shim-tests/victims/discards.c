/* Something is discarded on two threads: by a drain, and by a close whose peer is done. */
#include "victim.h"

static void close_unread(int peer_is_done)
{
	int pair[2];
	char answer[8];
	tcp_pair(pair);
	must(write(pair[0], "unread", 6) == 6 && write(pair[1], "answer", 6) == 6);
	if (peer_is_done)
		must(shutdown(pair[0], SHUT_WR) == 0);
	usleep(20000);
	must(close(pair[1]) == 0);
	must(recv(pair[0], answer, 6, MSG_WAITALL) == 6);
	must(close(pair[0]) == 0);
	usleep(20000);
}

int main(void)
{
	close_unread(0);
	close_unread(1);
	close_unread(0);
	say("closed");
	return 0;
}
