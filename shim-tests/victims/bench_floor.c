/* The least that a lingering close can cost: answers at once, says FIN, and lets the
 * kernel throw away what comes, without a copy. One connection after the other. */
#include "bench.h"

int main(void)
{
	int listener = listen_for_load();
	for (;;) {
		int conn = accept_one(listener);
		read_byte(conn);
		answer(conn);
		must(shutdown(conn, SHUT_WR) == 0);
		while (recv(conn, NULL, 1 << 20, MSG_TRUNC) > 0)
			;
		must(close(conn) == 0);
	}
}
