/* A thread closes everything with CLOSE_RANGE_UNSHARE: in a descriptor table of
 * its own, that is. The other thread goes on.
 *
 * range_unshare (close_range|SYS_close_range) (close|cloexec) */
#include "range.h"

static const char *way;
static int flags = CLOSE_RANGE_UNSHARE;

static void *closer(void *nothing)
{
	must(close_numbers(way, 3, ~0u, flags) == 0);
	must((open_between(3, 40) == 0) == (flags == CLOSE_RANGE_UNSHARE));
	return nothing;
}

int main(int count, char **arguments)
{
	must(count == 3);
	way = arguments[1];
	if (!strcmp(arguments[2], "cloexec"))
		flags |= CLOSE_RANGE_CLOEXEC;
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	pthread_join(start_thread(closer, NULL), NULL);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
