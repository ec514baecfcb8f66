/* What the new image finds: descriptors, signals, its own identity. The old one
 * had connections open and closed. */
#include "image.h"
#include <dirent.h>
#include <sys/resource.h>

static void say_descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			say("descriptor %d, flags %d", fd, fcntl(fd, F_GETFD));
}

static void say_signals(void)
{
	sigset_t blocked, pending;
	must(sigprocmask(SIG_SETMASK, NULL, &blocked) == 0 && sigpending(&pending) == 0);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (sigaction(number, NULL, &action))
			continue;
		if (action.sa_handler != SIG_DFL || sigismember(&blocked, number) || sigismember(&pending, number))
			say("signal %d: %s, blocked %d, pending %d", number, action.sa_handler == SIG_IGN ? "ignored" : "default",
			    sigismember(&blocked, number), sigismember(&pending, number));
	}
}

static void say_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int entries = 0;
	while (readdir(tasks))
		entries++;
	say("threads: %d", entries - 2);
}

int main(int count, char **arguments)
{
	if (count == 2 && !strcmp(arguments[1], "look")) {
		say_descriptors();
		say_signals();
		say_threads();
		say("same process: %d", getpid() == atoi(getenv("OLD_PID")));
		return 0;
	}
	char pid[16];
	int closed[2], open_on[2];
	sigset_t blocked;
	at_most_a_minute();
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	must(setenv("OLD_PID", pid, 1) == 0);
	tcp_pair(closed);
	tcp_pair(open_on);
	must(write(closed[0], "unread", 6) == 6 && close(closed[1]) == 0);
	close_on_exec(closed[0]);
	close_on_exec(open_on[1]);
	must(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
	must(open("/dev/null", O_RDONLY) >= 0);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 && raise(SIGUSR2) == 0);
	become("execve", "look");
}
