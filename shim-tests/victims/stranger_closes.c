/* A program closes every descriptor that it does not know, as daemons and
 * wrappers do, while a drain is at work, and uses the numbers for something
 * else; then it serves another connection. Whoever had descriptors in this
 * process must look at them before it uses a number again.
 *
 * stranger_closes (close|syscall|close_range|closefrom|instruction) */
#include "range.h"
#include <dirent.h>

enum { MOST = 4096 };

static int strange[MOST], strangers;

static void find_strangers(int last)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	while ((entry = readdir(directory)) && strangers < MOST)
		if (atoi(entry->d_name) > last && atoi(entry->d_name) != dirfd(directory))
			strange[strangers++] = atoi(entry->d_name);
	closedir(directory);
}

static void close_all_above(int last, const char *way)
{
	if (strcmp(way, "close") && strcmp(way, "syscall"))
		close_all(way, last + 1, ~0u);
	else
		for (int fd = last + 1; fd < MOST; fd++)
			strcmp(way, "syscall") ? close(fd) : syscall(SYS_close, fd);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	find_strangers(listener);
	close_all_above(listener, arguments[1]);
	for (int at = 0; at < strangers; at++)
		must(dup2(0, strange[at]) == strange[at]);
	say("closed all");
	hear();
	conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	for (int at = 0; at < strangers; at++)
		must(fcntl(strange[at], F_GETFD) >= 0);
	return 0;
}
