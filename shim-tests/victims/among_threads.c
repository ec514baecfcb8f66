/* Beside T threads that wait, a server answers N peers in this process with more than is
 * acknowledged at once, and closes.
 *
 * among_threads T N */
#include "victim.h"

static char data[64 << 10];

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	int threads = atoi(arguments[1]), peers = atoi(arguments[2]), listener = listener_for(AF_INET, 0);
	for (int at = 0; at < threads; at++)
		start_small_thread();
	for (int at = 0; at < peers; at++) {
		int there = socket(AF_INET, SOCK_STREAM, 0), small = 4096, large = 200000;
		struct sockaddr_in address;
		socklen_t length = sizeof address;
		must(setsockopt(there, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
		must(getsockname(listener, (void *)&address, &length) == 0 && connect(there, (void *)&address, length) == 0);
		int conn = accept_one(listener);
		must(setsockopt(conn, SOL_SOCKET, SO_SNDBUF, &large, sizeof large) == 0);
		must(send(conn, data, sizeof data, 0) == sizeof data);
		must(close(conn) == 0);
	}
	_exit(0);
}
