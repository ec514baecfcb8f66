/* A process for each of N connections, one after the other: it serves, closes and ends.
 * The last one goes on, if told to: it closes something else a moment later, and waits.
 * How many threads the last two had after their close is said. */
#include "victim.h"
#include <dirent.h>

static int threads(void)
{
	int count = 0;
	DIR *tasks = opendir("/proc/self/task");
	must(tasks);
	for (struct dirent *task; (task = readdir(tasks));)
		count += task->d_name[0] != '.';
	must(closedir(tasks) == 0);
	return count;
}

static void go_on(void)
{
	/* The end of the wait is the event: nothing is waited for. */
	must(poll(NULL, 0, 60) == 0);
	must(close(dup(1)) == 0);
	say("goes on");
	wait_for_the_end();
}

static void serve(int conn, int left, const char *then)
{
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	if (left < 2)
		say("threads %d", threads());
	if (left == 0 && !strcmp(then, "stays"))
		go_on();
	_exit(0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	int listener = listen_tcp();
	for (int left = atoi(arguments[1]); left-- > 0;) {
		int conn = accept_one(listener);
		pid_t child = fork();
		if (child == 0)
			serve(conn, left, arguments[2]);
		must(close(conn) == 0);
		wait_for_child(child);
	}
	wait_for_the_end();
	return 0;
}
