/* The new image is one that lasts; it says when it has begun.
 *
 * exec_lasts (open|pending) */
#include "image.h"

int main(int count, char **arguments)
{
	must(count == 2);
	if (!strcmp(arguments[1], "last")) {
		say("begun");
		wait_for_the_end();
		return 0;
	}
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	if (strcmp(arguments[1], "pending"))
		close_on_exec(conn);
	else
		must(close(conn) == 0);
	hear();
	become("execve", "last");
}
