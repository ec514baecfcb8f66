/* A server with many connections that no exec closes starts a program.
 *
 * helper_inherits CONNECTIONS WAY, with WAY one of
 *	ends	it ends
 *	closefrom, close_range, close	it closes what it has inherited */
#include "image.h"

static void be_the_helper(int connections, const char *way)
{
	if (!strcmp(way, "closefrom"))
		closefrom(3);
	else if (!strcmp(way, "close_range"))
		must(close_range(3, ~0U, 0) == 0);
	for (int fd = 3; !strcmp(way, "close") && fd < connections + 16; fd++)
		close(fd);
	_exit(0);
}

/* It keeps its ends until the server has ended. */
static void be_the_clients(int port, int connections, int server)
{
	char byte;
	for (int at = 0; at < connections; at++)
		connect_to(port);
	must(read(server, &byte, 1) == 0);
	_exit(0);
}

int main(int count, char **arguments)
{
	int server[2];
	must(count >= 3);
	int connections = atoi(arguments[1]);
	at_most_a_minute();
	if (count == 4)
		be_the_helper(connections, arguments[2]);
	int listener = listener_for(AF_INET, 0);
	must(pipe2(server, O_CLOEXEC) == 0);
	pid_t clients = fork();
	if (clients == 0) {
		close(server[1]);
		be_the_clients(port_of(listener), connections, server[0]);
	}
	for (int at = 0; at < connections; at++)
		must(write(accept_one(listener), "x", 1) == 1);
	pid_t helper = fork();
	if (helper == 0) {
		execv(this_program(), (char *[]){arguments[0], arguments[1], arguments[2], "helper", NULL});
		_exit(98);
	}
	wait_for_child(helper);
	say("it has ended");
	kill(clients, SIGKILL);
	_exit(0);
}
