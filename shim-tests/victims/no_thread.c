/* Threads that close connections all the time, in a process that gets no further
 * thread: the kernel says EAGAIN, as it does to a container that has used up its
 * pids. Nothing is left behind. */
#include "by_instruction.h"
#include "entries.h"
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { CLOSERS = 8, ROUNDS = 100 };

static pthread_barrier_t ready;

/* glibc's threads come by clone3. */
static struct sock_filter instructions[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static void no_more_threads(void)
{
	struct sock_fprog filter = {sizeof instructions / sizeof *instructions, instructions};
	must(by_instruction(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0) == 0);
	must(by_instruction(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (long)&filter, 0) == 0);
}

static void *close_and_close(void *nothing)
{
	pthread_barrier_wait(&ready);
	for (int round = 0; round < ROUNDS; round++) {
		int pair[2];
		tcp_pair(pair);
		must(close(pair[1]) == 0);
		must(close(pair[0]) == 0);
	}
	return nothing;
}

int main(void)
{
	at_most_a_minute();
	int before = entries("/proc/self/fd");
	pthread_t closers[CLOSERS];
	pthread_barrier_init(&ready, NULL, CLOSERS + 1);
	for (int at = 0; at < CLOSERS; at++)
		closers[at] = start_thread(close_and_close, NULL);
	no_more_threads();
	pthread_barrier_wait(&ready);
	for (int at = 0; at < CLOSERS; at++)
		pthread_join(closers[at], NULL);
	say("left behind: %d", entries("/proc/self/fd") - before);
	return 0;
}
