/* A timer's handler leaves whatever is going on by siglongjmp, as old clients and daemons do
 * for their timeouts. close is async-signal-safe, so it may be that. Where the number is still
 * open after the jump, as it is natively if the timer was early, the program closes it again.
 * No descriptor is left behind, no peer waits for its end, and the thread can be cancelled.
 *
 * jump (alone|spawned) */
#include "entries.h"
#include <setjmp.h>
#include <spawn.h>
#include <sys/time.h>

enum { ROUNDS = 150 };

extern char **environ;
static sigjmp_buf before;

static void leave(int signal)
{
	(void)signal;
	siglongjmp(before, 1);
}

static void set_timer(int us)
{
	struct itimerval timer = {.it_value.tv_usec = us};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void spawn(void)
{
	char *arguments[] = {"true", NULL};
	pid_t child;
	must(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ) == 0);
	wait_for_child(child);
}

/* Whether a handler ran before the close was over. */
static void close_under_a_timer(int fd, int us)
{
	if (sigsetjmp(before, 1) == 0) {
		set_timer(us);
		close(fd);
		for (long start = now_ms(); now_ms() - start < 5;)
			;
	}
	set_timer(0);
	if (fcntl(fd, F_GETFD) >= 0)
		must(close(fd) == 0);
}

static int peer_has_its_end(int peer)
{
	char bytes[8];
	struct timeval patience = {.tv_sec = 5};
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return recv(peer, bytes, 6, MSG_WAITALL) == 6 && recv(peer, bytes, 1, 0) == 0;
}

int main(int count, char **arguments)
{
	int ends = 0, state;
	must(count == 2);
	struct sigaction action = {.sa_handler = leave};
	must(sigaction(SIGALRM, &action, NULL) == 0);
	int open_before = entries("/proc/self/fd");
	for (int round = 0; round < ROUNDS; round++) {
		int pair[2];
		tcp_pair(pair);
		must(write(pair[1], "answer", 6) == 6);
		must(fcntl(pair[0], F_SETFD, FD_CLOEXEC) == 0 && fcntl(pair[1], F_SETFD, FD_CLOEXEC) == 0);
		if (!strcmp(arguments[1], "spawned"))
			spawn();
		close_under_a_timer(pair[1], 1 + round * 7 % 200);
		ends += peer_has_its_end(pair[0]);
		close(pair[0]);
	}
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	await_entries("/proc/self/fd", open_before);
	say("ends: %d of %d, the thread can be cancelled: %d", ends, ROUNDS, state == PTHREAD_CANCEL_ENABLE);
	return 0;
}
