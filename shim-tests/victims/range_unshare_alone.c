/* CLOSE_RANGE_UNSHARE in a program with one thread is a plain close_range, even
 * while the drain of another connection is at work: the first of three
 * connections is closed before it, the second by it, and the third after it.
 *
 * range_unshare_alone (close_range|SYS_close_range) */
#include "range.h"

int main(int count, char **arguments)
{
	int conns[3];
	must(count == 2);
	int listener = listen_tcp();
	for (int at = 0; at < 3; at++) {
		conns[at] = accept_one(listener);
		respond(conns[at], 0, read_request(conns[at]));
	}
	must(close(conns[0]) == 0);
	must(close_numbers(arguments[1], conns[1], conns[1], CLOSE_RANGE_UNSHARE) == 0);
	must(close(conns[2]) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
