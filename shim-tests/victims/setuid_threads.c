/* A program closes a connection and gives up its privileges: every thread of the
 * process has given them up.
 *
 * setuid_threads [beside|closing], where
 *	beside	another thread may be at the connection
 *	closing	other threads close connections meanwhile; ten processes, one after another */
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

static int threads(void)
{
	int found = 0;
	DIR *threads = opendir("/proc/self/task");
	must(threads);
	for (struct dirent *entry; (entry = readdir(threads));)
		found += entry->d_name[0] != '.';
	closedir(threads);
	return found;
}

static void *sleeper(void *nothing)
{
	pause();
	return nothing;
}

/* Until there are more threads than ours, if there will be. */
static void await_threads(int many)
{
	for (long until = now_ms() + 500; threads() < many && now_ms() < until;)
		sched_yield();
}

static _Atomic int closes;

static void *closer(void *nothing)
{
	int ends[2];
	for (;;) {
		tcp_pair(ends);
		must(write(ends[1], "x", 1) == 1 && close(ends[1]) == 0 && close(ends[0]) == 0);
		closes++;
	}
	return nothing;
}

static void await_closes(int until)
{
	while (closes < until)
		sched_yield();
}

/* The exit status is how many are found. */
static void closing(int start)
{
	at_most_a_minute();
	start_thread(closer, NULL);
	start_thread(closer, NULL);
	await_closes(start);
	if (setgid(NOBODY) || setuid(NOBODY))
		unsupported("setuid");
	int found = threads_of_somebody_else();
	await_closes(closes + 20);
	_exit(found + threads_of_somebody_else());
}

static int ten_times(void)
{
	for (int round = 0; round < 10; round++) {
		pid_t child = fork();
		if (child == 0)
			closing(10 + 3 * round);
		say_end_of("threads of somebody else", child);
	}
	return 0;
}

int main(int count, char **arguments)
{
	static char data[64 << 10];
	int pair[2], room = 4 << 20;
	at_most_a_minute();
	if (count == 2 && !strcmp(arguments[1], "closing"))
		return ten_times();
	tcp_pair(pair);
	if (count == 2) {
		start_thread(sleeper, NULL);
		must(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
		while (send(pair[1], data, sizeof data, MSG_DONTWAIT) > 0)
			;
	}
	must(close(pair[1]) == 0);
	if (count == 2)
		await_threads(4);
	if (setgid(NOBODY) || setuid(NOBODY))
		unsupported("setuid");
	say("threads of somebody else: %d", threads_of_somebody_else());
	return 0;
}
