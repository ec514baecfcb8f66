/* The connection goes down two generations: the child that was forked with it
 * forks again, closes and ends; the grandchild, an orphan, serves. */
#include "victim.h"

static void grandchild(int conn, int parent_gone)
{
	char byte;
	at_most_a_minute();
	must(read(parent_gone, &byte, 1) == 1);
	respond_in_two(conn, read_request(conn));
	must(close(conn) == 0);
	exit(0);
}

int main(void)
{
	int gone[2];
	must(pipe(gone) == 0);
	int conn = accept_one(listen_tcp());
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0)
			grandchild(conn, gone[0]);
		must(close(conn) == 0);
		exit(0);
	}
	must(close(conn) == 0);
	wait_for_child(child);
	must(write(gone[1], "x", 1) == 1);
	wait_for_the_end();
	return 0;
}
