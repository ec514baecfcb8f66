/* Accepts and closes BATCH connections as fast as one thread can, for each line on
 * stdin: nanoseconds for all. The first IDLE connections stay open. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 3);
	int batch = atoi(arguments[1]), listener = listen_for_load();
	accept_idle(listener, atoi(arguments[2]));
	while (hear()) {
		long began = now_ns();
		for (int at = 0; at < batch; at++)
			must(close(accept_one(listener)) == 0);
		say("result %ld", now_ns() - began);
	}
	return 0;
}
