/* The program answers in its own atexit handler, which was registered first and
 * so runs last of its own. */
#include "ending.h"

static int conn;
static size_t response;

static void answer(void) { respond(conn, 0, response); }

int main(void)
{
	must(atexit(answer) == 0);
	conn = accept_one(listen_tcp());
	response = read_request(conn);
	return STATUS;
}
