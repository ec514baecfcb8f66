/* A connection is closed, and while its peer is silent the program puts a pipe
 * on every number that the limit allows. Whatever comes of that connection,
 * every one of them stays what it is.
 *
 * dup2_everywhere ROAD */
#include "road.h"
#include <sys/resource.h>
#include <sys/stat.h>

enum { LIMIT = 128, FIRST = 20 };

static ino_t inode_of(int fd)
{
	struct stat status;
	return fstat(fd, &status) ? 0 : status.st_ino;
}

static int strange_numbers(int pipe_end)
{
	int strange = 0;
	for (int fd = FIRST; fd < LIMIT; fd++)
		strange += inode_of(fd) != inode_of(pipe_end);
	return strange;
}

int main(int count, char **arguments)
{
	struct rlimit limit = {LIMIT, LIMIT};
	int pair[2], ends[2];
	char byte;
	must(count == 2);
	at_most_a_minute();
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	tcp_pair(pair);
	must(pipe(ends) == 0 && write(pair[1], "tail", 4) == 4);
	must(close(pair[1]) == 0);
	for (int fd = FIRST; fd < LIMIT; fd++)
		must(cover(arguments[1], ends[0], fd) == fd);
	say("strange numbers: %d", strange_numbers(ends[0]));
	send(pair[0], "more", 4, MSG_NOSIGNAL);
	while (read(pair[0], &byte, 1) > 0)
		;
	must(close(pair[0]) == 0);
	poll(NULL, 0, 1500); /* longer than an idle drainer stays */
	say("strange numbers at last: %d", strange_numbers(ends[0]));
	return 0;
}
