/* Pid 1 of a namespace, with a thread that sleeps, returns from main: libc still has a few words to
 * write, and the peer has not taken its answer yet. Its parent is the peer.
 *
 * exit_few_words (pipe|socket|nowhere) */
#include "ending.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

enum { RESPONSE = 256 << 10 };
static const char WORDS[] = "goodbye";

static _Atomic pid_t sleeper;

static void *sleep_on(void *nothing)
{
	sleeper = syscall(SYS_gettid);
	return sleep_for_ever(nothing);
}

/* One that has not come to sleep yet may do anything. */
static void start_sleeper(void)
{
	start_thread(sleep_on, NULL);
	while (!sleeper || !sleeps(sleeper))
		sched_yield();
}

static int serve(int listener, int text_end)
{
	int conn = accept_one(listener);
	FILE *stream = fdopen(text_end, "w");
	start_sleeper();
	read_request(conn);
	respond(conn, 0, RESPONSE);
	must(stream && fputs(WORDS, stream) >= 0);
	return STATUS;
}

/* A pair of ends, of which the first is read; there is nothing to read from nowhere. */
static void text_ends(const char *kind, int ends[2])
{
	if (!strcmp(kind, "socket"))
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	else
		must(pipe(ends) == 0);
	if (!strcmp(kind, "nowhere"))
		must(close(ends[1]) == 0 && (ends[1] = open("/dev/null", O_WRONLY)) >= 0);
}

/* Reads nothing until the process has ended, or waits in its end. On one processor the peer would otherwise have taken
 * each piece of the answer as soon as it was written, and nothing would be lost natively. */
static void let_it_end(pid_t child)
{
	enum { TIMES = 50, STEP_US = 10000 };
	siginfo_t ended = {.si_pid = 0};
	for (int i = 0; i < TIMES && ended.si_pid == 0; i++) {
		usleep(STEP_US);
		must(waitid(P_PID, child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0);
	}
}

int main(int count, char **arguments)
{
	static char room[1 << 20];
	int ends[2], status, listener = listener_for(AF_INET, 0);
	must(count == 2);
	at_most_a_minute();
	text_ends(arguments[1], ends);
	if (unshare(CLONE_NEWPID | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		say("unsupported: namespaces");
		return 0;
	}
	pid_t child = fork();
	if (child == 0) {
		at_most_a_minute();
		must(close(ends[0]) == 0 && mount("proc", "/proc", "proc", 0, NULL) == 0);
		return serve(listener, ends[1]);
	}
	close(ends[1]);
	int fd = slow_peer_of(listener);
	size_t words = 0, taken = 0;
	ssize_t got;
	while ((got = read(ends[0], room, sizeof room)) > 0)
		words += got;
	let_it_end(child);
	while ((got = read(fd, room, sizeof room)) > 0)
		taken += got;
	must(close(fd) == 0 && waitpid(child, &status, 0) == child);
	say("words: %zu, the answer: %s", words, taken == RESPONSE ? "all" : "lost");
	say("status %d, signal %d", WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}
