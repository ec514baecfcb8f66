/* A process puts all of its threads under a filter that kills, while two of them close
 * connections: the filter allows what the program itself calls. Five processes. */
#include "filter.h"
#include "round_trip.h"

static _Atomic int closes, ready;

static void *closer(void *nothing)
{
	int listener = listener_for(AF_INET, 0), port = port_of(listener);
	ready++;
	for (;;) {
		int peer = connect_to(port), conn = accept_one(listener);
		must(write(conn, "x", 1) == 1 && close(conn) == 0 && close(peer) == 0);
		closes++;
	}
	return nothing;
}

static void await_closes(int until)
{
	while (closes < until)
		sched_yield();
}

static void allow(void)
{
	static const long calls[] = {SYS_socket, SYS_connect, SYS_accept, SYS_write, SYS_close, SYS_sched_yield,
		SYS_exit_group, SYS_rt_sigreturn, SYS_futex, SYS_mmap, SYS_munmap, SYS_madvise};
	begin_filter();
	for (size_t at = 0; at < sizeof calls / sizeof *calls; at++)
		rule(calls[at], SECCOMP_RET_ALLOW);
	end_filter(SECCOMP_RET_KILL_PROCESS);
}

static void child(int start)
{
	at_most_a_minute();
	start_thread(closer, NULL);
	start_thread(closer, NULL);
	allow();
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	while (ready < 2)
		sched_yield();
	await_closes(start);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0);
	await_closes(closes + 200);
	_exit(0);
}

int main(void)
{
	at_most_a_minute();
	for (int round = 0; round < 5; round++) {
		pid_t process = fork();
		if (process == 0)
			child(20 + 7 * round);
		say_end_of("process", process);
	}
	return 0;
}
