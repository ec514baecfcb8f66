/* After two closes the next descriptor has the lowest free number, whatever the
 * limit of descriptors is. */
#include "victim.h"
#include <sys/resource.h>

static void with_limit(unsigned limit)
{
	int first[2], second[2];
	struct rlimit both = {limit, limit};
	tcp_pair(first);
	tcp_pair(second);
	must(setrlimit(RLIMIT_NOFILE, &both) == 0);
	must(close(first[1]) == 0 && close(second[1]) == 0);
	int file = open("/dev/null", O_RDONLY);
	close(file);
	say("limit %u: file %d, socket %d", limit, file, socket(AF_INET, SOCK_STREAM, 0));
}

int main(void)
{
	at_most_a_minute();
	for (unsigned limit = 6; limit <= 64; limit++) {
		pid_t child = fork();
		if (child == 0) {
			with_limit(limit);
			_exit(0);
		}
		wait_for_child(child);
	}
	return 0;
}
