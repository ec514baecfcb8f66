/* Runs a program in other surroundings, which it finds when it starts.
 *
 * inside WORD... -- PROGRAM ARGUMENT...; the words are below. */
#include "docker.h"
#include "round_trip.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { NOBODY = 65534 };

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		unsupported("setuid");
}

static void over_proc(const char *kind, unsigned long flags, const char *options)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		unsupported("a mount namespace");
	if (mount(kind, "/proc", kind, flags, options))
		unsupported("a /proc of its own");
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		unsupported(path);
	close(fd);
}

static void own_users(void)
{
	if (unshare(CLONE_NEWUSER))
		unsupported("a user namespace");
	put_text("/proc/self/setgroups", "deny");
	put_text("/proc/self/uid_map", "0 0 1");
	put_text("/proc/self/gid_map", "0 0 1");
}

/* We wait outside for the end of it. */
static void become_pid_1(void)
{
	int status;
	if (unshare(CLONE_NEWPID))
		unsupported("a pid namespace");
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	must(waitpid(child, &status, 0) == child);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void limit(int resource, rlim_t most)
{
	struct rlimit limit = {most, most};
	must(setrlimit(resource, &limit) == 0);
}

static void enter(const char *word)
{
	if (!strcmp(word, "nobody"))
		become_nobody();
	else if (!strcmp(word, "pid-1"))
		become_pid_1();
	else if (!strcmp(word, "own-users"))
		own_users();
	else if (!strcmp(word, "own-proc"))
		over_proc("proc", 0, NULL);
	else if (!strcmp(word, "hidden-proc"))
		over_proc("proc", 0, "hidepid=2");
	else if (!strcmp(word, "read-only-proc"))
		over_proc("proc", MS_RDONLY, NULL);
	else if (!strcmp(word, "empty-proc"))
		over_proc("tmpfs", 0, NULL);
	else if (!strcmp(word, "no-processes"))
		limit(RLIMIT_NPROC, 0);
	else if (!strcmp(word, "docker"))
		like_docker();
	else
		die(word);
}

int main(int count, char **arguments)
{
	int at = 1;
	at_most_a_minute();
	for (; at < count && strcmp(arguments[at], "--"); at++)
		enter(arguments[at]);
	must(at + 1 < count);
	execvp(arguments[at + 1], arguments + at + 1);
	unsupported("exec");
}
