/* Threads accept, copy, serve and close N connections, while other threads make
 * children in every way, which close what they got, and execute or end.
 *
 * fork_storm N */
#include "by_instruction.h"
#include <spawn.h>

extern char **environ;

enum { SERVERS = 8, BREEDERS = 4, HIGH = 500 };

static int listener;
static atomic_int to_accept, serving;

static void copy_and_close(int fd, int own)
{
	must(dup2(fd, own) == own);
	int copy = dup(fd);
	must(copy >= 0 && close(copy) == 0 && close(own) == 0);
}

static void *serve(void *own)
{
	while (atomic_fetch_sub(&to_accept, 1) > 0) {
		int conn = accept_one(listener);
		size_t response = read_request(conn);
		copy_and_close(conn, (int)(intptr_t)own);
		respond(conn, 0, response);
		must(close(conn) == 0);
	}
	atomic_fetch_sub(&serving, 1);
	return NULL;
}

static pid_t closes_and_executes(void)
{
	pid_t child = fork();
	if (child == 0) {
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		by_instruction(SYS_close_range, 64, ~0u, 0, 0);
		execlp("true", "true", NULL);
		_exit(1);
	}
	return child;
}

static pid_t executes(void)
{
	pid_t child = vfork();
	if (child == 0) {
		execlp("true", "true", NULL);
		_exit(1);
	}
	return child;
}

static pid_t spawned(void)
{
	pid_t child;
	char *words[] = {"true", NULL};
	must(posix_spawnp(&child, "true", NULL, NULL, words, environ) == 0);
	return child;
}

static pid_t forks_again(void)
{
	pid_t child = fork();
	if (child == 0) {
		if (fork() == 0)
			closefrom(3);
		_exit(0);
	}
	return child;
}

static void *breed(void *how)
{
	static pid_t (*const ways[])(void) = {closes_and_executes, executes, spawned, forks_again};
	while (serving > 0)
		wait_for_child(ways[(intptr_t)how]());
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t threads[SERVERS + BREEDERS];
	must(count == 2);
	to_accept = atoi(arguments[1]);
	serving = SERVERS;
	listener = listen_tcp();
	for (int at = 0; at < SERVERS; at++)
		threads[at] = start_thread(serve, (void *)(intptr_t)(HIGH + at));
	for (int at = 0; at < BREEDERS; at++)
		threads[SERVERS + at] = start_thread(breed, (void *)(intptr_t)at);
	for (int at = 0; at < SERVERS + BREEDERS; at++)
		pthread_join(threads[at], NULL);
	say("the storm is over");
	wait_for_the_end();
	return 0;
}
