/* A server in an empty directory, without procfs or anything else.
 *
 * chrooted (first|later): the root is changed before the first close of a
 * connection, or after it. */
#include "round_trip.h"

static void change_root(void)
{
	char path[] = "/tmp/softclose-root-XXXXXX";
	must(mkdtemp(path));
	must(chdir(path) == 0);
	int answer = chroot(".");
	if (answer)
		unsupported("chroot");
}

static void close_one(void)
{
	int pair[2];
	tcp_pair(pair);
	must(close(pair[1]) == 0 && close(pair[0]) == 0);
}

int main(int count, char **arguments)
{
	must(count == 2);
	if (!strcmp(arguments[1], "later"))
		close_one();
	change_root();
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
