/* The first thread of a child has left by pthread_exit, and another one serves:
 * /proc/PID/fd of such a process is empty, and yet it holds the connection. The
 * parent closes its copy. */
#include "round_trip.h"

static int pair[2], word[2];

static void *server(void *nothing)
{
	char byte;
	(void)nothing;
	must(read(word[0], &byte, 1) == 1);
	say("child: %s", round_trip(pair[1], pair[0]));
	_exit(0);
}

static char state_of(pid_t process)
{
	char path[64], text[256];
	snprintf(path, sizeof path, "/proc/%d/stat", process);
	int fd = open(path, O_RDONLY);
	ssize_t count = read(fd, text, sizeof text - 1);
	close(fd);
	must(count > 0);
	text[count] = 0;
	return strrchr(text, ')')[2];
}

int main(void)
{
	at_most_a_minute();
	tcp_pair(pair);
	must(pipe(word) == 0);
	pid_t child = fork();
	if (child == 0) {
		start_thread(server, NULL);
		pthread_exit(NULL);
	}
	while (state_of(child) != 'Z')
		sched_yield();
	must(close(pair[1]) == 0);
	must(write(word[1], "x", 1) == 1);
	wait_for_child(child);
	return 0;
}
