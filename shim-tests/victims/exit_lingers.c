/* A process ends with two connections whose peers do not read: one that softclose leaves
 * alone, with SO_LINGER, and one that it does not. Natively nobody waits for either. */
#include "ending.h"

static void fill(int fd)
{
	must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	while (write(fd, pattern, sizeof pattern) > 0)
		;
	must(errno == EAGAIN);
}

static void serve(int pipe_end, int port)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 40};
	int connected = connect_to(port), listener = listener_for(AF_INET, 0);
	must(setsockopt(connected, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	fill(connected);
	port = port_of(listener);
	must(write(pipe_end, &port, sizeof port) == sizeof port);
	fill(accept_one(listener));
	exit(STATUS);
}

int main(void)
{
	int ends[2], port, status, listener = listener_for(AF_INET, 0);
	at_most_a_minute();
	must(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0)
		serve(ends[1], port_of(listener));
	int one = accept_one(listener);
	must(read(ends[0], &port, sizeof port) == sizeof port);
	int other = connect_to(port);
	must(waitpid(child, &status, 0) == child);
	say("status %d", WEXITSTATUS(status));
	must(close(one) == 0 && close(other) == 0);
	return 0;
}
