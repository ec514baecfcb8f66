/* A program closes a connection, does what concerns every thread of a process, and
 * closes another one: while the peer of the first is still there, just after it has
 * gone, and when nothing is left of it.
 *
 * moves (pending|ended|forgotten) WHAT TIMES; see below. */
#include "entries.h"
#include "round_trip.h"
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>

enum { NOBODY = 65534 };

extern int capset(cap_user_header_t, const cap_user_data_t);

static int enter_own(const char *which)
{
	char path[64];
	int by_number = !strcmp(which, "mnt-by-number");
	snprintf(path, sizeof path, "/proc/self/ns/%s", by_number ? "mnt" : which);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int answer = by_number ? syscall(SYS_setns, fd, 0) : setns(fd, 0), error = errno;
	close(fd);
	errno = error;
	return answer;
}

static int move_by(const char *what)
{
	if (!strncmp(what, "setns-", 6))
		return enter_own(what + 6);
	if (!strcmp(what, "unshare-users"))
		return unshare(CLONE_NEWUSER);
	if (!strcmp(what, "unshare-mounts"))
		return unshare(CLONE_NEWNS);
	if (!strcmp(what, "unshare-network"))
		return unshare(CLONE_NEWNET);
	if (!strcmp(what, "unshare-processes"))
		return unshare(CLONE_NEWPID);
	if (!strcmp(what, "unshare-by-number"))
		return syscall(SYS_unshare, CLONE_NEWUSER);
	if (!strcmp(what, "setuid"))
		return setuid(NOBODY);
	if (!strcmp(what, "setresgid"))
		return setresgid(NOBODY, NOBODY, NOBODY);
	if (!strcmp(what, "setgroups"))
		return setgroups(0, NULL);
	if (!strcmp(what, "setuid-by-number"))
		return syscall(SYS_setuid, NOBODY);
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct nothing[2] = {{0}};
	if (!strcmp(what, "capset-by-number"))
		return syscall(SYS_capset, &header, nothing);
	must(!strcmp(what, "capset"));
	return capset(&header, nothing);
}

/* Threads of this process that have other credentials than the first. */
static void compare_threads(void)
{
	char first[4096], other[4096], path[300];
	DIR *threads = opendir("/proc/self/task");
	for (struct dirent *entry; (entry = readdir(threads));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		FILE *file = fopen(path, "r");
		if (!file)
			continue;
		char *text = atoi(entry->d_name) == getpid() ? first : other;
		text[fread(text, 1, sizeof first - 1, file)] = 0;
		fclose(file);
		if (text == other)
			must(!strncmp(strstr(first, "\nUid:"), strstr(other, "\nUid:"), 60) && !strncmp(strstr(first, "\nCapEff:"), strstr(other, "\nCapEff:"), 24));
	}
	closedir(threads);
}

static int loopback_is_up(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int answer = connect(fd, (struct sockaddr *)&address, sizeof address);
	int is_up = !answer || errno != ENETUNREACH;
	close(fd);
	return is_up;
}

static int run(const char *when, const char *what, int is_only_one)
{
	int first[2], second[2];
	char byte, answer[6];
	int open_before = entries("/proc/self/fd");
	tcp_pair(first);
	must(write(first[0], "unread", 6) == 6 && close(first[1]) == 0);
	if (strcmp(when, "pending")) {
		must(close(first[0]) == 0);
		await_entries("/proc/self/fd", open_before + 1);
	}
	if (!strcmp(when, "forgotten"))
		await_entries("/proc/self/task", 3);
	if (move_by(what))
		return errno;
	compare_threads();
	if (!is_only_one || !loopback_is_up())
		return 0;
	tcp_pair(second);
	must(write(second[1], "answer", 6) == 6 && close(second[1]) == 0);
	must(recv(second[0], answer, 6, MSG_WAITALL) == 6);
	say("the peer reads %zd", read(second[0], &byte, 1));
	return 0;
}

int main(int count, char **arguments)
{
	at_most_a_minute();
	must(count == 4);
	for (int left = atoi(arguments[3]), status = 0; left > 0; left--) {
		pid_t process = fork();
		if (process == 0)
			_exit(run(arguments[1], arguments[2], left == 1));
		must(waitpid(process, &status, 0) == process && WIFEXITED(status));
		if (status && WEXITSTATUS(status) != 99)
			say("%s: %s", arguments[2], strerrorname_np(WEXITSTATUS(status)));
	}
	say("done");
	return 0;
}
