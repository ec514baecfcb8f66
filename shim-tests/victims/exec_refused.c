/* Beside a thread at work, exec is refused time and again by a filter that no hook has seen
 * being installed, and right after it the user is changed, for which libc has a signal of
 * its own. The thread goes on, and so does the connection. */
#include "by_instruction.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { ROUNDS = 5 };

static _Atomic int work_done;

static struct sock_filter instructions[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static void refuse_exec(void)
{
	struct sock_fprog filter = {sizeof instructions / sizeof *instructions, instructions};
	must(by_instruction(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0) == 0);
	must(by_instruction(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, (long)&filter, 0) == 0);
}

static void *work(void *nothing)
{
	for (;;) {
		usleep(1000);
		work_done++;
	}
	return nothing;
}

static int refused(void)
{
	char *arguments[] = {"true", NULL};
	return execv("/bin/true", arguments) == -1 && errno == EPERM;
}

int main(void)
{
	int pair[2], good = 0, users = 0;
	at_most_a_minute();
	tcp_pair(pair);
	must(fcntl(pair[1], F_SETFD, FD_CLOEXEC) == 0 && write(pair[1], "answer", 6) == 6);
	start_thread(work, NULL);
	refuse_exec();
	for (int round = 0; round < ROUNDS; round++) {
		good += refused();
		users += setuid(getuid()) == 0;
	}
	int before = work_done;
	while (work_done < before + 10)
		usleep(1000);
	say("refused %d, users set %d, the thread works", good, users);
	return 0;
}
