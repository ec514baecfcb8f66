/* A subreaper has a child that answers a slow peer and ends: the only child that it will ever
 * find. The peer is a child of its own as well, and is told by a pipe when to read. */
#include "ending.h"
#include <sys/prctl.h>

enum { RESPONSE = 1 << 20, UNREAD = 1000 };

static void peer(int port, int go)
{
	static char room[64 << 10];
	size_t taken = 0;
	ssize_t count;
	char unread[UNREAD] = {0};
	int fd = connect_to(port);
	must(write(fd, "GO 0 1000\n", 10) == 10 && write(fd, unread, UNREAD) == UNREAD);
	must(read(go, unread, 1) == 0);
	while ((count = read(fd, room, sizeof room)) > 0)
		taken += count;
	_exit(taken != RESPONSE);
}

int main(void)
{
	int go[2], status;
	at_most_a_minute();
	must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	int listener = listener_for(AF_INET, 0);
	must(pipe2(go, O_CLOEXEC) == 0);
	pid_t reader = fork();
	if (reader == 0) {
		close(go[1]);
		peer(port_of(listener), go[0]);
	}
	int conn = accept_one(listener);
	pid_t worker = fork();
	if (worker == 0) {
		close(go[1]);
		read_request(conn);
		respond(conn, 0, RESPONSE);
		exit(STATUS);
	}
	must(close(conn) == 0 && waitpid(worker, &status, 0) == worker);
	say("worker: status %d", WEXITSTATUS(status));
	must(close(go[1]) == 0 && waitpid(reader, &status, 0) == reader);
	errno = 0;
	pid_t other = waitpid(-1, &status, WNOHANG);
	say("another child: %s", other == -1 && errno == ECHILD ? "none" : "there is one");
	return 0;
}
