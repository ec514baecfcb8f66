/* Acts of interpreter.c: streams, messages with descriptors, processes. */
#ifndef ACTS_PROCESSES_H
#define ACTS_PROCESSES_H

#include "acts_descriptors.h"
#include "passing.h"
#include <spawn.h>

#define STREAMS 3

static FILE *stream[STREAMS];
static char *program, *stage_path;

/* The child of a fork is another actor; what it does is in interpreter.c. */
static long act_as(int actor);
static void *act_in_thread(void *actor);

static long do_fdopen(const int *a)
{
	FILE *opened = fdopen(var[a[1]], "r+");
	stream[a[0]] = opened ? opened : stream[a[0]];
	return opened ? 0 : -1;
}

static long do_fwrite(const int *a)
{
	memset(block, a[3], a[1]);
	return stream[a[0]] ? (long)fwrite(block, 1, a[1], stream[a[0]]) : -2;
}

static long do_fflush(const int *a) { return stream[a[0]] ? fflush(stream[a[0]]) : -2; }

static FILE *take(int at)
{
	FILE *taken = stream[at];
	stream[at] = NULL;
	return taken;
}

static long do_fclose(const int *a) { return stream[a[0]] ? fclose(take(a[0])) : -2; }

/* Its child ends when it likes. */
static int has_popened;

static long do_popen(const int *a)
{
	has_popened = 1;
	return (stream[a[0]] = popen("cat >/dev/null", "w")) ? 0 : -1;
}

static long do_pclose(const int *a) { return stream[a[0]] ? pclose(take(a[0])) : -2; }

static long do_freopen(const int *a)
{
	if (!stream[a[0]])
		return -2;
	stream[a[0]] = freopen("/dev/null", "w", stream[a[0]]);
	return stream[a[0]] ? fileno(stream[a[0]]) : -1;
}

/* One message with one connection, or with two. */
static long send_parcel(int link, const int *fds, int count)
{
	struct parcel parcel;
	prepare_parcel(&parcel);
	struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
	parcel.message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
	*header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof *fds)};
	memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
	return sendmsg(link, &parcel.message, MSG_DONTWAIT);
}

static long do_scmsend(const int *a) { return send_parcel(var[a[0]], &var[a[1]], 1); }
static long do_scmtwo(const int *a) { return send_parcel(var[a[0]], (int[]){var[a[1]], var[a[2]]}, 2); }

/* How a message is received, and how much room there is for what it holds. */
static const struct {
	int flags;
	size_t room;
} receptions[] = {
	{0, CMSG_SPACE(2 * sizeof(int))},
	{MSG_PEEK, CMSG_SPACE(2 * sizeof(int))},
	{0, 0},
	{MSG_PEEK, 0},
	{MSG_CMSG_CLOEXEC, CMSG_SPACE(2 * sizeof(int))},
	{0, CMSG_LEN(sizeof(int))},
};

/* The second one of two goes to the next variable. */
static long do_scmrecv(const int *a)
{
	struct parcel parcel;
	int fds[2];
	prepare_parcel(&parcel);
	parcel.message.msg_controllen = receptions[a[2]].room;
	if (recvmsg(var[a[1]], &parcel.message, MSG_DONTWAIT | receptions[a[2]].flags) < 0)
		return -1;
	struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return parcel.message.msg_flags & MSG_CTRUNC ? -4 : -3;
	memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	if (header->cmsg_len == CMSG_LEN(sizeof fds))
		keep((a[0] + 1) % VARS, fds[1]);
	return keep(a[0], fds[0]);
}

/* After _Fork libc does not know that the other threads are gone. */
static int has_threads;

static long do_fork(const int *a)
{
	pid_t child = a[1] && !has_threads ? _Fork() : fork();
	return child ? child < 0 ? -1 : 1 : act_as(a[0]);
}

static long do_thread(const int *a)
{
	pthread_t thread;
	has_threads = 1;
	errno = pthread_create(&thread, NULL, act_in_thread, (void *)(intptr_t)a[0]);
	return errno ? -1 : 1;
}

/* What another image of this program needs to go on as `actor`. */
static char **image_for(int actor)
{
	static char name[4];
	static char *words[4];
	snprintf(name, sizeof name, "%d", actor);
	memcpy(slots[actor].vars, var, sizeof var);
	memcpy(words, (char *[]){program, stage_path, name, NULL}, sizeof words);
	return words;
}

extern char **environ;

/* This one without what is loaded before it, which is kept under another name; or as it
 * was before that. */
static char **environment(int is_bare)
{
	static const char loaded[] = "LD_PRELOAD=", kept[] = "LD_WITHOUT=";
	static char *words[512], renamed[512];
	const char *from = is_bare ? loaded : kept, *to = is_bare ? kept : loaded;
	size_t count = 0;
	for (; environ[count] && count < 511; count++) {
		words[count] = environ[count];
		if (strncmp(words[count], from, sizeof loaded - 1))
			continue;
		snprintf(renamed, sizeof renamed, "%s%s", to, words[count] + sizeof loaded - 1);
		words[count] = renamed;
	}
	words[count] = NULL;
	return words;
}

static long do_spawn(const int *a)
{
	pid_t pid;
	errno = posix_spawn(&pid, program, NULL, NULL, image_for(a[0]), environment(a[1]));
	return errno ? -1 : 1;
}

static long do_forkexec(const int *a)
{
	char **words = image_for(a[0]), **variables = environment(a[1]);
	pid_t pid = fork();
	if (pid == 0) {
		execve(program, words, variables);
		_exit(1);
	}
	return pid < 0 ? -1 : 1;
}

/* A program that has it as its standard input, and ends. */
static long do_spawnon(const int *a)
{
	int status;
	pid_t pid;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, var[a[0]], 0);
	if (a[1])
		posix_spawn_file_actions_addclose(&actions, var[a[0]]);
	errno = posix_spawnp(&pid, "true", &actions, NULL, (char *[]){"true", NULL}, environ);
	int failure = errno;
	posix_spawn_file_actions_destroy(&actions);
	errno = failure;
	return failure || waitpid(pid, &status, 0) != pid ? -1 : status;
}

static long do_vspawn(const int *a)
{
	char **words = image_for(a[0]), **variables = environment(a[1]);
	pid_t pid = vfork();
	if (pid == 0) {
		execve(program, words, variables);
		_exit(1);
	}
	return pid < 0 ? -1 : 1;
}

static long do_system(const int *a)
{
	(void)a;
	return system("true");
}

static long do_vfork(const int *a)
{
	int status;
	pid_t pid = vfork();
	if (pid == 0) {
		if (a[0] == 1)
			close(var[a[1]]);
		if (a[0] == 2)
			execlp("true", "true", NULL);
		_exit(3);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

/* The environment is that of the next image from here on. */
static long do_exec(const int *a)
{
	char **words = image_for(me);
	if (a[0] == 0 || a[0] == 5) {
		environ = environment(a[0] == 5);
		return execv(program, words);
	}
	if (a[0] == 1)
		return execlp("true", "true", NULL);
	if (a[0] == 2)
		return execv("/nonexistent", words);
	if (a[0] == 3)
		return execv("/tmp", words);
	return execv("/proc/self/stat", words);
}

static long do_reap(const int *a)
{
	(void)a;
	int count = 0;
	while (!has_popened && waitpid(-1, NULL, WNOHANG) > 0)
		count++;
	return count;
}

#endif
