/* A child fails to execute a file that is no program, and keeps a connection in use of
 * which its parent closes its copy.
 *
 * exec_fails_in_child PLACE, with PLACE one of
 *	here
 *	leaderless	the child's first thread ends
 *	outside	in a pid namespace that has the /proc of another one
 *	stranger	there, with the pid of one who has all numbers
 *	copied	the same, and the connection had another number as well
 *	vfork	there, and the child of a thread that is inside vfork, which executes nothing */
#include "kept_by_another.h"
#include <sched.h>
#include <sys/stat.h>

static struct turn has_failed, has_closed;

static void fail_to_execute(void)
{
	char path[] = "/tmp/no-program-XXXXXX", *arguments[] = {path, NULL};
	int fd = mkstemp(path);
	must(fd >= 0 && write(fd, "\1\2\3\4\5\6\7\10", 8) == 8 && fchmod(fd, 0755) == 0 && close(fd) == 0);
	must(execv(path, arguments) == -1 && errno == ENOEXEC && unlink(path) == 0);
}

static void *keep(void *nothing)
{
	(void)nothing;
	give(&has_failed);
	await(&has_closed);
	say("child: %s", use());
	_exit(0);
}

static int first_thread_has_ended(void)
{
	char text[256];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t count = read(fd, text, sizeof text - 1);
	must(count > 0 && close(fd) == 0);
	text[count] = 0;
	return strrchr(text, ')')[2] == 'Z';
}

static void *keep_leaderless(void *nothing)
{
	while (!first_thread_has_ended())
		sched_yield();
	return keep(nothing);
}

static void serve(int is_leaderless)
{
	fail_to_execute();
	if (!is_leaderless)
		keep(NULL);
	start_thread(keep_leaderless, NULL);
	pthread_exit(NULL);
}

/* Neither the thread nor its child has anything else to do. */
static void *keep_in_vfork(void *nothing)
{
	pid_t child = vfork();
	if (child == 0)
		keep(NULL);
	wait_for_child(child);
	return nothing;
}

static int with_vfork(void)
{
	pthread_t thread = start_thread(keep_in_vfork, NULL);
	await(&has_failed);
	must(close(pair[1]) == 0);
	give(&has_closed);
	pthread_join(thread, NULL);
	return 0;
}

static int with_fork(int is_leaderless)
{
	pid_t child = fork();
	if (child == 0)
		serve(is_leaderless);
	await(&has_failed);
	must(close(pair[1]) == 0);
	give(&has_closed);
	wait_for_child(child);
	return 0;
}

/* The next process of this namespace has that pid. */
static void choose_pid(const char *pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%d", atoi(pid) - 1) < 0)
		unsupported("a pid of our choice");
	must(close(fd) == 0);
}

static void have_all_numbers(void)
{
	while (open("/dev/null", O_RDONLY | O_CLOEXEC) < 64)
		;
}

static void inside(char **arguments)
{
	char me[16];
	snprintf(me, sizeof me, "%d", getpid());
	if (strcmp(arguments[1], "outside"))
		have_all_numbers();
	if (unshare(CLONE_NEWPID))
		unsupported("a pid namespace");
	pid_t first = fork(), second = first ? first : fork();
	if (second == 0) {
		execv("/proc/self/exe", (char *[]){arguments[0], arguments[1], me, NULL});
		_exit(98);
	}
	wait_for_child(second);
	_exit(0);
}

int main(int count, char **arguments)
{
	struct turn turns[2];
	must(count >= 2);
	at_most_a_minute();
	int is_vfork = !strcmp(arguments[1], "vfork"), is_copied = !strcmp(arguments[1], "copied");
	int is_chosen = is_copied || !strcmp(arguments[1], "stranger");
	if (count == 2 && (is_vfork || is_chosen || !strcmp(arguments[1], "outside")))
		inside(arguments);
	make_turns(turns, 2);
	has_failed = turns[0];
	has_closed = turns[1];
	make_connection();
	if (is_copied)
		must(close(dup(pair[1])) == 0);
	if (is_chosen)
		choose_pid(arguments[2]);
	return is_vfork ? with_vfork() : with_fork(!strcmp(arguments[1], "leaderless"));
}
