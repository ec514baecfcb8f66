/* A child by popen inherits the connection; the parent closes it, and later the
 * pipe. */
#include "holder.h"

int main(int count, char **arguments)
{
	hold_if_told(count, arguments);
	int conn = accept_one(listen_tcp());
	FILE *child = popen(hold_command(conn), "w");
	must(child);
	must(close(conn) == 0);
	must(fputs("go\n", child) != EOF && fflush(child) == 0);
	must(pclose(child) == 0);
	wait_for_the_end();
	return 0;
}
