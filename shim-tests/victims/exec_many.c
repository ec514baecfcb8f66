/* N connections that are close-on-exec, and an exec without an environment, the
 * shim's own setting included.
 *
 * exec_many N [spawned]: a child that has gone since might have inherited them */
#include "road.h"

int main(int count, char **arguments)
{
	char *nothing[] = {NULL}, *list[] = {(char *)this_program(), "left", NULL};
	left_if_told(count, arguments);
	must(count == 2 || count == 3);
	int connections = atoi(arguments[1]), listener = listen_tcp();
	for (int at = 0; at < connections; at++) {
		int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		must(conn >= 0);
		respond(conn, 0, read_request(conn));
	}
	must(count == 2 || system("true") == 0);
	execve(list[0], list, nothing);
	die("execve");
}
