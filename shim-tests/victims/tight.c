/* A server with few descriptors to spare, of which it never has more than a
 * handful in use: no call of its own may ever fail for the want of one. */
#include "victim.h"

enum { FILES = 4 };

int main(int count, char **arguments)
{
	must(count == 2);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int files[FILES], conn = accept_one(listener);
		for (int file = 0; file < FILES; file++)
			must((files[file] = open("/dev/null", O_RDONLY)) >= 0);
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
		for (int file = 0; file < FILES; file++)
			must(close(files[file]) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
