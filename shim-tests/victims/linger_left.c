/* A thread is in a close that waits, as SO_LINGER{1,n} asks, and leaves it: it is cancelled, or
 * a handler jumps out. The number is given up all the same, and the peer gets all, and the end.
 *
 * linger_left (cancelled|jumped) */
#include "lingers.h"
#include <setjmp.h>

static int pair[2];
static sigjmp_buf out;
static _Atomic pid_t closer;

static void jump_out(int number) { siglongjmp(out, number); }

static void *close_it(void *unused)
{
	closer = syscall(SYS_gettid);
	if (!sigsetjmp(out, 1))
		close(pair[1]);
	return unused;
}

static size_t read_to_the_end(int fd)
{
	static char text[65536];
	size_t total = 0;
	for (ssize_t count; (count = recv(fd, text, sizeof text, 0)) != 0; total += count)
		must(count > 0);
	return total;
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = jump_out};
	must(count == 2);
	at_most_a_minute();
	lingering_pair(pair);
	must(sigaction(SIGUSR1, &action, NULL) == 0);
	pthread_t thread = start_thread(close_it, NULL);
	while (!closer || !sleeps(closer))
		sched_yield();
	long start = now_ms();
	must(strcmp(arguments[1], "jumped") ? pthread_cancel(thread) == 0 : pthread_kill(thread, SIGUSR1) == 0);
	must(pthread_join(thread, NULL) == 0);
	say("left: %s", now_ms() - start < SOON_MS ? "soon" : "late");
	say("the peer: %s", read_to_the_end(pair[0]) == ANSWER ? "everything" : "not all");
	_exit(0);
}
