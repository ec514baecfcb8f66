/* A child that was made past every count sends the connection on and ends, while the
 * message is still in flight. The parent closes its own.
 *
 * sent_uncounted (clone|clone-vfork|vfork|fork-of-clone|syscall|instruction) */
#include "passing.h"
#include "raw_clone.h"
#include "round_trip.h"

static int pair[2], link_to[2];

static int send_it(void *nothing)
{
	(void)nothing;
	send_fd(link_to[0], pair[1], 0);
	_exit(0);
}

static int have_it_sent(void *nothing)
{
	pid_t child = fork();
	if (child == 0)
		send_it(nothing);
	wait_for_child(child);
	_exit(0);
}

static pid_t child_by(const char *way)
{
	static char stack[1 << 16];
	char *top = stack + sizeof stack;
	if (!strcmp(way, "clone"))
		return clone(send_it, top, SIGCHLD, NULL);
	if (!strcmp(way, "clone-vfork"))
		return clone(send_it, top, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	if (!strcmp(way, "fork-of-clone"))
		return clone(have_it_sent, top, SIGCHLD, NULL);
	pid_t child = !strcmp(way, "vfork") ? vfork() : new_process(way);
	if (child == 0)
		send_it(NULL);
	return child;
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	unix_pair(link_to);
	must(one_byte(pair[1], pair[0]) == NULL);
	pid_t child = child_by(arguments[1]);
	must(child > 0);
	wait_for_child(child);
	must(close(pair[1]) == 0);
	say("copy: %s", round_trip(receive_fd(link_to[1], 0, 0), pair[0]));
	return 0;
}
