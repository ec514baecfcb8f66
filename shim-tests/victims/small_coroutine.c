/* A thread runs a coroutine on a stack of one page, as fiber libraries do. There is no room
 * for the frame of a signal handler, and the program has none there. It sleeps, computes, or
 * comes back to the thread's own stack now and then. Another thread ends the process while a
 * connection is open.
 *
 * small_coroutine (sleeps|computes|comes-back) */
#include "victim.h"
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, ROUNDS = 10 };

static ucontext_t thread_itself, coroutine;
static int is_sleeper, comes_back;
static _Atomic int is_inside;

static void touch(char *memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

static void body(void)
{
	char own[1100];
	touch(own);
	is_inside = 1;
	for (;;) {
		if (is_sleeper)
			usleep(500);
		if (comes_back)
			swapcontext(&coroutine, &thread_itself);
		touch(own);
	}
}

/* That takes more stack than a coroutine has. */
static void bind_symbols(void)
{
	ucontext_t here, there;
	volatile int turn = 0;
	usleep(1);
	getcontext(&there);
	if (turn++ == 0)
		swapcontext(&here, &there);
}

static void *work(void *nothing)
{
	char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED && mprotect(memory, PAGE, PROT_NONE) == 0);
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = memory + PAGE;
	coroutine.uc_stack.ss_size = PAGE;
	makecontext(&coroutine, body, 0);
	for (;;) {
		swapcontext(&thread_itself, &coroutine);
		usleep(100);
	}
	return nothing;
}

static void end(void)
{
	int pair[2];
	tcp_pair(pair);
	must(write(pair[1], "answer", 6) == 6);
	start_thread(work, NULL);
	while (!is_inside)
		usleep(100);
	usleep(3000);
	exit(7);
}

int main(int count, char **arguments)
{
	int good = 0;
	must(count == 2);
	at_most_a_minute();
	is_sleeper = !strcmp(arguments[1], "sleeps");
	comes_back = !strcmp(arguments[1], "comes-back");
	bind_symbols();
	for (int round = 0; round < ROUNDS; round++) {
		int status;
		pid_t child = fork();
		if (child == 0)
			end();
		must(waitpid(child, &status, 0) == child);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 7;
	}
	say("ended as they wished: %d of %d", good, ROUNDS);
	return 0;
}
