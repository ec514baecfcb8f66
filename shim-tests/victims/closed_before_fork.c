/* A process of one thread that forks: what its child has open is what the parent has,
 * by the numbers that it knows. Whoever closed connections in a handler of the fork
 * has left nothing of them there. */
#include "victim.h"
#include <dirent.h>

static int open_sockets(void)
{
	char text[64];
	int count = 0;
	DIR *numbers = opendir("/proc/self/fd");
	must(numbers);
	for (struct dirent *entry; (entry = readdir(numbers));) {
		ssize_t length = readlinkat(dirfd(numbers), entry->d_name, text, sizeof text);
		count += length > 7 && memcmp(text, "socket:", 7) == 0;
	}
	closedir(numbers);
	return count;
}

int main(void)
{
	int pair[2];
	at_most_a_minute();
	/* So that something has been held before. */
	tcp_pair(pair);
	must(close(pair[0]) == 0 && close(pair[1]) == 0);
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		say("sockets in the child: %d", open_sockets());
		_exit(0);
	}
	wait_for_child(child);
	return 0;
}
