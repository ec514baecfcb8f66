/* Pid 1 of a namespace does not reap what others leave; a process in there executes one program
 * after the other, each of which says more than its slow peer takes, and ends.
 *
 * unreaped: how many there are in the end that nobody reaps. */
#include "ending.h"
#include "round_trip.h"
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>

enum { SESSIONS = 24, MOST = 10 };

/* What is executed. */
static int session(int port)
{
	static char request[1 << 20];
	int conn = connect_to(port);
	must(recv(conn, request, 1, MSG_PEEK) == 1);
	must(send(conn, request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
	exit(STATUS);
}

static void execute_session(int listener)
{
	char port[8];
	snprintf(port, sizeof port, "%d", port_of(listener));
	execl("/proc/self/exe", "unreaped", port, NULL);
	_exit(98);
}

/* Until nobody has the other end any more: only then may somebody be unreaped. */
static void outlast(int conn)
{
	struct pollfd gone = {.fd = conn};
	while (send(conn, "more", 4, MSG_NOSIGNAL) == 4)
		poll(&gone, 1, 10);
	must(close(conn) == 0);
}

static void serve(void)
{
	int status, listener = listener_for(AF_INET, 0);
	for (int i = 0; i < SESSIONS; i++) {
		pid_t child = fork();
		if (child == 0)
			execute_session(listener);
		int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		must(conn >= 0 && send(conn, "unread", 6, MSG_NOSIGNAL) == 6);
		must(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == STATUS);
		outlast(conn);
	}
	_exit(0);
}

static int left_unreaped(void)
{
	int count = 0;
	while (waitpid(-1, NULL, 0) > 0)
		count++;
	return count;
}

/* The only process that it waits for is its own child. */
static int be_pid_1(void)
{
	int status;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		unsupported("a /proc of its own");
	pid_t server = fork();
	if (server == 0)
		serve();
	must(waitpid(server, &status, 0) == server && status == 0);
	int count = left_unreaped();
	say("unreaped: %s", count <= MOST ? "a few at most" : "many");
	return 0;
}

int main(int count, char **arguments)
{
	int status;
	at_most_a_minute();
	if (count == 2)
		return session(atoi(arguments[1]));
	if (unshare(CLONE_NEWPID | CLONE_NEWNS))
		unsupported("a pid namespace");
	pid_t child = fork();
	if (child == 0)
		_exit(be_pid_1());
	must(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
