/* A program with a limit on its private memory closes connections, and takes nearly all that
 * it may have: what it gets is what it gets natively.
 *
 * data_limit (itself|inherited) MEBIBYTES: the limit is set here, or was set before. */
#include "victim.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { MEBIBYTE = 1 << 20, CLOSES = 40 };

static void close_one(void)
{
	int pair[2];
	char answer[8];
	tcp_pair(pair);
	must(write(pair[1], "answer", 6) == 6 && write(pair[0], "late", 4) == 4);
	must(close(pair[1]) == 0);
	must(recv(pair[0], answer, sizeof answer, MSG_WAITALL) == 6);
	must(close(pair[0]) == 0);
}

static int takes(int mebibytes)
{
	int taken = 0;
	while (taken < mebibytes &&
	       mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		taken++;
	return taken;
}

int main(int count, char **arguments)
{
	at_most_a_minute();
	must(count == 3);
	rlim_t most = (rlim_t)atoi(arguments[2]) * MEBIBYTE;
	struct rlimit limit = {most, most};
	must(strcmp(arguments[1], "itself") || setrlimit(RLIMIT_DATA, &limit) == 0);
	for (int at = 0; at < CLOSES; at++)
		close_one();
	int room = atoi(arguments[2]) - 2;
	say("took all but 2 MiB: %s", takes(room) == room ? "yes" : "no");
	for (int at = 0; at < CLOSES; at++)
		close_one();
	say("closed");
	return 0;
}
