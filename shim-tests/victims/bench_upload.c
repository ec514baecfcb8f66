/* A client that asks and then sends MIB mebibytes that nobody has asked for. Says how
 * many bytes went before the server broke off, if it did. */
#include "bench.h"

static char block[1 << 18];

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_an_hour();
	int conn = connect_to(atoi(arguments[1]));
	long left = atol(arguments[2]) << 20, all = left;
	const char *request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	must(write(conn, request, strlen(request)) == (ssize_t)strlen(request));
	while (left > 0) {
		ssize_t sent = send(conn, block, left < (long)sizeof block ? left : (long)sizeof block, MSG_NOSIGNAL);
		if (sent <= 0)
			break;
		left -= sent;
	}
	say("result %ld", all - left);
	wait_for_the_end();
	return 0;
}
