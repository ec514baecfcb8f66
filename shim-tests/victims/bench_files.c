/* Opens and closes a regular file N times: nanoseconds a pair. `connected`: with a
 * connection open meanwhile, as every server has. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 3);
	long pairs = atol(arguments[1]);
	int ends[2];
	if (!strcmp(arguments[2], "connected"))
		tcp_pair(ends);
	long began = now_ns();
	for (long at = 0; at < pairs; at++) {
		int fd = open("/etc/passwd", O_RDONLY);
		must(fd >= 0 && close(fd) == 0);
	}
	say("result %.2f", (double)(now_ns() - began) / pairs);
	return 0;
}
