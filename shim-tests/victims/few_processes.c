/* A server with a child for each connection, in a control group that may have 20 processes,
 * and peers that read when all have been served. */
#include "ending.h"
#include <sys/stat.h>

enum { CONNECTIONS = 40, RESPONSE = 64 << 10 };

static char group[128];

static int put(const char *directory, const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int good = fd >= 0 && write(fd, text, strlen(text)) > 0;
	if (fd >= 0)
		close(fd);
	return good;
}

static int make_group(const char *mount)
{
	snprintf(group, sizeof group, "%s/softclose-%d", mount, getpid());
	if (mkdir(group, 0755))
		return 0;
	if (put(group, "pids.max", "20"))
		return 1;
	rmdir(group);
	return 0;
}

/* When all who are in it have ended. */
static void leave_group(const char *mount)
{
	must(put(mount, "cgroup.procs", "0"));
	for (long start = now_ms(); rmdir(group) && now_ms() - start < 10000;)
		usleep(1000);
}

/* All connect, and read when the server has no more to do. */
static void peers(int port, int go)
{
	static char room[64 << 10];
	int fds[CONNECTIONS], answered = 0;
	for (int at = 0; at < CONNECTIONS; at++) {
		fds[at] = connect_slowly(port);
		must(write(fds[at], "GO 0 0\n", 7) == 7);
	}
	must(read(go, room, 1) == 0);
	for (int at = 0; at < CONNECTIONS; at++)
		answered += recv(fds[at], room, RESPONSE, MSG_WAITALL) == RESPONSE;
	say("answered: %d", answered);
	_exit(0);
}

static int serve(int conn)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		read_request(conn);
		respond(conn, 0, RESPONSE);
		_exit(STATUS);
	}
	close(conn);
	return child > 0 && waitpid(child, &status, 0) == child;
}

int main(void)
{
	int go[2], status, served = 0;
	at_most_a_minute();
	const char *mount = "/sys/fs/cgroup/pids";
	if (!make_group(mount) && !make_group(mount = "/sys/fs/cgroup")) {
		say("unsupported: a control group for processes");
		return 0;
	}
	int listener = listener_for(AF_INET, 0);
	must(pipe2(go, O_CLOEXEC) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		peers(port_of(listener), go[0]);
	}
	must(put(group, "cgroup.procs", "0"));
	for (int at = 0; at < CONNECTIONS; at++)
		served += serve(accept_one(listener));
	say("served: %d", served);
	must(close(go[1]) == 0 && waitpid(child, &status, 0) == child);
	leave_group(mount);
	return 0;
}
