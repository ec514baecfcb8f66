/* Accepts BATCH connections, answers each with one byte and closes it, as fast as one
 * thread can, for each line on stdin: nanoseconds for all. The first IDLE connections stay
 * open. (A connection on which nothing was ever sent is no drain.) */
#include "bench.h"

static void serve_one(int listener)
{
	int conn = accept_one(listener);
	must(write(conn, pattern, 1) == 1);
	must(close(conn) == 0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	int batch = atoi(arguments[1]), listener = listen_for_load();
	accept_idle(listener, atoi(arguments[2]));
	while (hear()) {
		long began = now_ns();
		for (int at = 0; at < batch; at++)
			serve_one(listener);
		say("result %ld", now_ns() - began);
	}
	return 0;
}
