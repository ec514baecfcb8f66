/* CLOSE_RANGE_UNSHARE in a program with one thread is a plain close_range. Of
 * three connections it closes the second; the third is closed after it, and the
 * first as well, or, with its drain at work meanwhile, before it.
 *
 * range_unshare_alone (close_range|SYS_close_range) (before|after) */
#include "range.h"

int main(int count, char **arguments)
{
	int conns[3];
	must(count == 3);
	int before = !strcmp(arguments[2], "before");
	int listener = listen_tcp();
	for (int at = 0; at < 3; at++) {
		conns[at] = accept_one(listener);
		respond(conns[at], 0, read_request(conns[at]));
	}
	if (before)
		must(close(conns[0]) == 0);
	must(close_numbers(arguments[1], conns[1], conns[1], CLOSE_RANGE_UNSHARE) == 0);
	if (!before)
		must(close(conns[0]) == 0);
	must(close(conns[2]) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
