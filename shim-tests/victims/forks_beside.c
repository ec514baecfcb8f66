/* Makes a socket and a child with it N times, beside LIVE children that have a socket
 * each and live on. */
#include "victim.h"

static pid_t child_with(int fd, int lives)
{
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		while (lives)
			pause();
		must(close(fd) == 0);
		_exit(0);
	}
	must(close(fd) == 0);
	return child;
}

static int tcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	must(fd >= 0);
	return fd;
}

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	int times = atoi(arguments[1]), live = atoi(arguments[2]);
	pid_t *lives = calloc(live + 1, sizeof *lives);
	must(lives);
	for (int at = 0; at < live; at++)
		lives[at] = child_with(tcp(), 1);
	for (int at = 0; at < times; at++)
		must(waitpid(child_with(tcp(), 0), NULL, 0) > 0);
	for (int at = 0; at < live; at++)
		must(kill(lives[at], SIGKILL) == 0 && waitpid(lives[at], NULL, 0) == lives[at]);
	return 0;
}
