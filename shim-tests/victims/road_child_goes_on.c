/* The parent gives its copy up on one of the roads; then the child serves. It
 * learns of that by the end of a pipe, which an exec closes as well.
 *
 * road_child_goes_on ROAD */
#include "road.h"

static void serve(int conn, const int left[2])
{
	char byte;
	must(close(left[1]) == 0);
	must(read(left[0], &byte, 1) == 0);
	respond_in_two(conn, read_request(conn));
	must(close(conn) == 0);
	exit(0);
}

int main(int count, char **arguments)
{
	int left[2];
	left_if_told(count, arguments);
	must(count == 2);
	must(pipe2(left, O_CLOEXEC) == 0);
	int conn = accept_one(listen_tcp());
	pid_t child = fork();
	if (child == 0)
		serve(conn, left);
	leave_by(arguments[1], conn);
	must(close(left[1]) == 0);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
