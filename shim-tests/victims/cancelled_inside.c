/* Threads that can be cancelled at any instruction, and are cancelled inside a call that makes a
 * process: each in a process of its own, as a cancelled thread may leave a lock of libc's behind.
 * Says how many of these processes ended in order, and how many by a signal.
 *
 * cancelled_inside (popen|posix_spawn|posix_spawnp|fork) */
#include "victim.h"
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

enum { TRIALS = 20 };

static volatile int is_ready;

static void make_process(const char *how)
{
	extern char **environ;
	char *program[] = {"true", NULL};
	if (!strcmp(how, "popen"))
		popen(":", "r");
	else if (!strcmp(how, "posix_spawn"))
		posix_spawn(NULL, "/bin/true", NULL, NULL, program, environ);
	else if (!strcmp(how, "posix_spawnp"))
		posix_spawnp(NULL, "true", NULL, NULL, program, environ);
	else if (fork() == 0)
		_exit(0);
}

static void *makes(void *how)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (is_ready = 1;;)
		make_process(how);
	return how;
}

/* No more than that: the thread may have had any lock. */
static _Noreturn void one_trial(char *how)
{
	pthread_t thread;
	must(pthread_create(&thread, NULL, makes, how) == 0);
	while (!is_ready)
		usleep(100);
	usleep(5000);
	must(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
	_exit(7);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int in_order = 0, by_signal = 0, status;
	for (int at = 0; at < TRIALS; at++) {
		pid_t child = fork();
		if (child == 0)
			one_trial(arguments[1]);
		must(waitpid(child, &status, 0) == child);
		in_order += WIFEXITED(status) && WEXITSTATUS(status) == 7;
		by_signal += WIFSIGNALED(status);
	}
	say("in order %d of %d, by a signal %d", in_order, TRIALS, by_signal);
	return 0;
}
