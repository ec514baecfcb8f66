/* A program that opens, copies and closes connections before any constructor has
 * run, forks there, and accepts there the connection that main serves and closes. */
#include "early.h"

static int conn;

static void before_all(void)
{
	fill_pattern();
	work_with_connections();
	conn = accept_one(listen_tcp());
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = before_all;

int main(void)
{
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
