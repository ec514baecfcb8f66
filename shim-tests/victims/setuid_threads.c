/* A program closes a connection and gives up its privileges: every thread of the
 * process has given them up. */
#include "round_trip.h"
#include <dirent.h>

enum { NOBODY = 65534 };

static int is_somebody_else(const char *thread)
{
	char path[300], text[4096];
	snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	ssize_t count = read(fd, text, sizeof text - 1);
	close(fd);
	if (count <= 0)
		return 0;
	text[count] = 0;
	char *user = strstr(text, "\nUid:"), *group = strstr(text, "\nGid:");
	must(user && group);
	return atoi(user + 5) != NOBODY || atoi(group + 5) != NOBODY;
}

static int threads_of_somebody_else(void)
{
	int found = 0;
	DIR *threads = opendir("/proc/self/task");
	must(threads);
	for (struct dirent *entry; (entry = readdir(threads));)
		if (entry->d_name[0] != '.')
			found += is_somebody_else(entry->d_name);
	closedir(threads);
	return found;
}

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	must(close(pair[1]) == 0);
	if (setgid(NOBODY) || setuid(NOBODY))
		unsupported("setuid");
	say("threads of somebody else: %d", threads_of_somebody_else());
	return 0;
}
