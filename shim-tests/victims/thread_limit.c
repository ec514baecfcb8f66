/* An ordinary user may have exactly one thread, or process, more. The program closes a
 * connection whose peer stays, and then wants one.
 *
 * thread_limit (thread|fork|spawn|popen|system) */
#include "victim.h"
#include <grp.h>
#include <spawn.h>
#include <sys/resource.h>

enum { ROUNDS = 5, NOBODY_ELSE = 54321 };

extern char **environ;

static void become_somebody_with_little_room(void)
{
	struct rlimit limit = {2, 2};
	if (geteuid() != 0) {
		say("unsupported: not root");
		exit(0);
	}
	must(setgroups(0, NULL) == 0 && setgid(NOBODY_ELSE) == 0 && setuid(NOBODY_ELSE) == 0);
	must(setrlimit(RLIMIT_NPROC, &limit) == 0);
}

static void *nothing(void *argument) { return argument; }

static int thread(void)
{
	pthread_t thread;
	return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static int child(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return child > 0 && waitpid(child, NULL, 0) == child;
}

static int spawned(void)
{
	char *arguments[] = {"true", NULL};
	pid_t child;
	return posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0 && waitpid(child, NULL, 0) == child;
}

static int opened(void)
{
	FILE *stream = popen("exit 0", "r");
	return stream && pclose(stream) == 0;
}

static int make(const char *what)
{
	if (!strcmp(what, "thread"))
		return thread();
	if (!strcmp(what, "fork"))
		return child();
	if (!strcmp(what, "spawn"))
		return spawned();
	return !strcmp(what, "popen") ? opened() : system("exit 0") == 0;
}

int main(int count, char **arguments)
{
	int made = 0, peers[ROUNDS];
	must(count == 2);
	at_most_a_minute();
	become_somebody_with_little_room();
	for (int round = 0; round < ROUNDS; round++) {
		int pair[2];
		tcp_pair(pair);
		must(write(pair[1], "answer", 6) == 6 && close(pair[1]) == 0);
		made += make(arguments[1]);
		peers[round] = pair[0];
	}
	say("made: %d of %d", made, ROUNDS);
	for (int round = 0; round < ROUNDS; round++)
		close(peers[round]);
	return 0;
}
