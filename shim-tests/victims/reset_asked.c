/* SO_LINGER{1,0}, set where the close does not see it being set: on the listener, by a
 * fork child, also one with a filter of its own, by syscall(2), or on the listener by the
 * program that ran here before.
 *
 * reset_asked WHERE [LISTENER] */
#include "filter.h"

static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

static void set_on(int fd)
{
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
}

static void allow_everything(void)
{
	begin_filter();
	end_filter(SECCOMP_RET_ALLOW);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void set_by_child(int fd, int is_filtered)
{
	pid_t child = fork();
	if (child == 0) {
		if (is_filtered)
			allow_everything();
		set_on(fd);
		_exit(0);
	}
	wait_for_child(child);
}

static void become_another(char **arguments, int listener)
{
	char number[16];
	snprintf(number, sizeof number, "%d", listener);
	execl("/proc/self/exe", arguments[0], "another", number, NULL);
	die("execl");
}

int main(int count, char **arguments)
{
	must(count >= 2);
	at_most_a_minute();
	const char *where = arguments[1];
	int listener = count == 3 ? atoi(arguments[2]) : listener_for(AF_INET, 0);
	if (!strcmp(where, "listener") || !strcmp(where, "before"))
		set_on(listener);
	if (!strcmp(where, "before"))
		become_another(arguments, listener);
	int peer = connect_to(port_of(listener)), conn = accept_one(listener);
	if (!strcmp(where, "child") || !strcmp(where, "filtered"))
		set_by_child(conn, !strcmp(where, "filtered"));
	if (!strcmp(where, "syscall"))
		must(syscall(SYS_setsockopt, conn, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	must(close(conn) == 0);
	char byte;
	struct pollfd poll_fd = {.fd = peer, .events = POLLIN};
	must(poll(&poll_fd, 1, 5000) == 1);
	ssize_t received = recv(peer, &byte, 1, MSG_DONTWAIT);
	say("recv: %zd %s", received, received < 0 ? strerrorname_np(errno) : "");
	return 0;
}
