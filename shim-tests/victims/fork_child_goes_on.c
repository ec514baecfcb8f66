/* The parent closes its copy at once and goes on living; the child serves when
 * it knows that the parent has closed. */
#include "victim.h"

int main(void)
{
	int closed[2];
	must(pipe(closed) == 0);
	int conn = accept_one(listen_tcp());
	pid_t child = fork();
	if (child == 0) {
		char byte;
		must(read(closed[0], &byte, 1) == 1);
		respond_in_two(conn, read_request(conn));
		must(close(conn) == 0);
		exit(0);
	}
	must(close(conn) == 0);
	must(write(closed[1], "x", 1) == 1);
	wait_for_child(child);
	wait_for_the_end();
	return 0;
}
