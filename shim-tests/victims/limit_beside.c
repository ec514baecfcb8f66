/* A thread closes connections all the time while others look at the limit of descriptors,
 * move it, and make processes. What the limit is, is what the program has made it. */
#include "victim.h"
#include <sys/resource.h>

enum { SOFT = 200, HARD = 4000, ROUNDS = 60 };

static _Atomic int is_over;

static void *closer(void *nothing)
{
	while (!is_over) {
		int pair[2];
		tcp_pair(pair);
		must(write(pair[1], "answer", 6) == 6 && close(pair[1]) == 0 && close(pair[0]) == 0);
	}
	return nothing;
}

static int soft_limit(void)
{
	struct rlimit now;
	must(getrlimit(RLIMIT_NOFILE, &now) == 0);
	return now.rlim_cur;
}

static int child_has(int limit)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(soft_limit() != limit);
	must(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int shell_has(int limit)
{
	char command[32];
	snprintf(command, sizeof command, "test `ulimit -n` = %d", limit);
	return system(command) == 0;
}

int main(void)
{
	int kept = 0, inherited = 0, spawned = 0;
	at_most_a_minute();
	struct rlimit limit = {SOFT, HARD};
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	pthread_t threads[2] = {start_thread(closer, NULL), start_thread(closer, NULL)};
	for (int round = 0; round < ROUNDS; round++) {
		limit.rlim_cur = SOFT + round;
		must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		inherited += child_has(SOFT + round);
		spawned += round % 8 || shell_has(SOFT + round);
	}
	is_over = 1;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	kept = soft_limit() == SOFT + ROUNDS - 1;
	say("inherited %d, spawned %d, kept %d", inherited, spawned, kept);
	return 0;
}
