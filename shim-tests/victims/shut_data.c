/* What was queued before a shutdown can be read after it; then comes the end, and
 * the peer's sends are refused, or not, as they are natively.
 *
 * shut_data WORD */
#include "shutting.h"

static const char *answer(ssize_t count) { return count < 0 ? strerrorname_np(errno) : "done"; }

static void look_from(int fd)
{
	char block[16] = "";
	for (int turn = 0; turn < 3; turn++) {
		ssize_t count = send(fd, "x", 1, MSG_NOSIGNAL);
		say("the peer's send: %s", answer(count));
	}
	ssize_t count = recv(fd, block, sizeof block, MSG_DONTWAIT);
	say("the peer's recv: %s %s", answer(count), block);
}

int main(int count, char **arguments)
{
	int pair[2];
	char block[16] = "";
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	must(write(pair[0], "queued", 6) == 6 && write(pair[1], "answer", 6) == 6);
	wait_readable(pair[1]);
	must(shut_by(arguments[1], pair[1]) == 0);
	ssize_t received = recv(pair[1], block, 3, 0);
	say("recv: %zd %s", received, block);
	received = recv(pair[1], block, sizeof block, 0);
	say("recv: %zd %s", received, block);
	say("recv in the end: %s", end_of(pair[1]));
	say("recv once more: %s", end_of(pair[1]));
	ssize_t sent = send(pair[1], "x", 1, MSG_NOSIGNAL);
	say("send: %s", answer(sent));
	look_from(pair[0]);
	say("recv at last: %s", end_of(pair[1]));
	return 0;
}
