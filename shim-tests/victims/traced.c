/* A process ends with a connection open, under a tracer that follows every process and
 * reports the status of the one that ended last, as PRoot does. The tracer is the peer: it takes
 * nothing, and is done when the process has ended.
 *
 * traced (WAY of ending.h | exit_group) [threads] */
#include "ending.h"
#include <sys/ptrace.h>

enum {
	FOLLOW = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
		 PTRACE_O_EXITKILL,
};

static int serve(int listener, const char *way, int has_threads)
{
	at_most_a_minute();
	answer_one(listener);
	must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && raise(SIGSTOP) == 0);
	if (has_threads)
		start_small_thread();
	if (!strcmp(way, "exit_group"))
		syscall(SYS_exit_group, STATUS);
	return end_by(way);
}

/* The signal that a stop is to end in: none if the stop is one of tracing. */
static int signal_of(int status)
{
	int signal = WSTOPSIG(status);
	return signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

int main(int count, char **arguments)
{
	must(count >= 2);
	int listener = listener_for(AF_INET, 0), status, last = -1, has_ended = 0, after = 0;
	at_most_a_minute();
	pid_t child = fork(), pid;
	if (child == 0)
		return serve(listener, arguments[1], count > 2);
	int peer = slow_peer_of(listener);
	must(child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status));
	must(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)FOLLOW) == 0);
	must(ptrace(PTRACE_CONT, child, NULL, NULL) == 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal_of(status));
			continue;
		}
		last = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		after += has_ended;
		if (pid == child)
			has_ended = close(peer) == 0;
	}
	must(errno == ECHILD && has_ended);
	say("the last one: status %d", last);
	say("ended after the program: %d", after);
	return 0;
}
