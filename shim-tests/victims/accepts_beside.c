/* One thread waits in accept while another one makes a child: that may have the connection, and
 * no count says so. Then the connection is closed. */
#include "raw_clone.h"
#include "watched.h"

static int listener;
static _Atomic pid_t acceptor;

static void *accepts(void *nothing)
{
	acceptor = syscall(SYS_gettid);
	conn = accept_one(listener);
	return nothing;
}

static int with_child(pid_t (*make)(void), int lasts)
{
	int life[2];
	char byte;
	listener = listener_for(AF_INET, 0);
	pthread_t thread = start_thread(accepts, NULL);
	while (!acceptor || !sleeps(acceptor))
		;
	must(pipe(life) == 0);
	pid_t child = make();
	must(child >= 0);
	if (child == 0) {
		must(close(life[1]) == 0 && (!lasts || read(life[0], &byte, 1) == 0));
		_exit(0);
	}
	if (!lasts)
		wait_for_child(child);
	peer = connect_to(port_of(listener));
	must(pthread_join(thread, NULL) == 0);
	close_answered(conn);
	report(-1);
	report_late_data();
	must(close(life[1]) == 0);
	if (lasts)
		wait_for_child(child);
	return 0;
}

static pid_t cloned(void) { return clone_by_instruction(); }

static int fork_that_ended(void) { return with_child(fork, 0); }
static int fork_that_lasts(void) { return with_child(fork, 1); }
static int clone_that_lasts(void) { return with_child(cloned, 1); }

static const struct shape shapes[] = {
	{"fork_that_ended", fork_that_ended},
	{"fork_that_lasts", fork_that_lasts},
	{"clone_that_lasts", clone_that_lasts},
};

int main(int count, char **arguments)
{
	return run_shape(shapes, sizeof shapes / sizeof *shapes, count, arguments);
}
