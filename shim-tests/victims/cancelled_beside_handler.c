/* A cancellation waits for a thread whose first cancellation point is the close of a connection.
 * In it a handler runs, on an alternate stack above the thread's own, and makes a call. The
 * peer gets the end: by that close, or, where it was cancelled, by the next.
 *
 * cancelled_beside_handler, with SIGUSR1 sent by strace in the midst of the close */
#include "victim.h"
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>

enum { HALF = 512 << 10, SIGNAL_STACK = 256 << 10, SECONDS = 5 };

static int pair[2];
static char *stacks;
static _Atomic int is_ready, is_cancelled;

static void call_something(int number)
{
	struct epoll_event event = {0};
	int saved = errno;
	(void)number;
	epoll_ctl(900, EPOLL_CTL_ADD, 901, &event);
	errno = saved;
}

__attribute__((constructor)) static void handle(void)
{
	struct sigaction action = {.sa_handler = call_something, .sa_flags = SA_ONSTACK | SA_RESTART};
	must(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void *close_it(void *unused)
{
	stack_t above = {.ss_sp = stacks + HALF, .ss_size = SIGNAL_STACK};
	must(sigaltstack(&above, NULL) == 0);
	must(send(pair[1], "answer", 6, MSG_NOSIGNAL) == 6);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	is_ready = 1;
	while (!is_cancelled)
		sched_yield();
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	close(pair[1]);
	pthread_testcancel();
	return unused;
}

int main(void)
{
	char text[8];
	pthread_t thread;
	pthread_attr_t attributes;
	struct timeval soon = {.tv_sec = SECONDS};
	at_most_a_minute();
	tcp_pair(pair);
	must(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
	stacks = mmap(NULL, 2 * HALF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(stacks != MAP_FAILED && pthread_attr_init(&attributes) == 0);
	must(pthread_attr_setstack(&attributes, stacks, HALF) == 0);
	must(pthread_create(&thread, &attributes, close_it, NULL) == 0);
	while (!is_ready)
		sched_yield();
	must(pthread_cancel(thread) == 0);
	is_cancelled = 1;
	must(pthread_join(thread, NULL) == 0);
	if (fcntl(pair[1], F_GETFD) >= 0)
		must(close(pair[1]) == 0);
	ssize_t count;
	while ((count = recv(pair[0], text, sizeof text, 0)) > 0)
		;
	say("the peer: %s", count == 0 ? "the end" : "nothing more");
	return 0;
}
