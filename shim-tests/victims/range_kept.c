/* Calls of close_range that close nothing: with CLOSE_RANGE_CLOEXEC, and those
 * that fail. The connection goes on.
 *
 * range_kept (close_range|SYS_close_range) */
#include "range.h"

static const char *way;

static void try(const char *what, int first, unsigned last, int flags)
{
	errno = 0;
	int result = close_numbers(way, first, last, flags);
	say("%s: %d %s", what, result, strerrorname_np(errno));
}

int main(int count, char **arguments)
{
	must(count == 2);
	way = arguments[1];
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	try("first above last", conn + 1, conn, 0);
	try("first far above last", -1, 3, 0);
	try("unknown flag", 3, ~0u, 1 << 5);
	try("unknown flag beside a known one", 3, ~0u, CLOSE_RANGE_CLOEXEC | 1);
	try("all flags", 3, ~0u, -1);
	try("nothing there", 500, 600, 0);
	say("close-on-exec: %d", fcntl(conn, F_GETFD));
	try("CLOSE_RANGE_CLOEXEC", 3, ~0u, CLOSE_RANGE_CLOEXEC);
	say("close-on-exec: %d", fcntl(conn, F_GETFD));
	try("CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE", 3, ~0u, CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE);
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
