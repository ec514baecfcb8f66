/* A process ends with a connection whose peer has not taken its answer yet, and with
 * everything else that one may have open: a listener, a pipe, two kinds of locks. Its
 * parent is the peer. It looks first what is released, then for the process, and only when
 * the test wants it takes the answer.
 *
 * exit_leaves (WAY of ending.h) [here|pid1|below-pid1|poor|waits] */
#include "ending.h"
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { RESPONSE = 3 << 20, UNREAD = 1000, MORE = 100 << 10, NOBODY = 65534 };

static char locked[2][32];

static int open_locked(int which)
{
	int fd = open(locked[which], O_RDWR);
	must(fd >= 0);
	return fd;
}

/* 0, or why it is not to be had. */
static int lock_record(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(fd, F_SETLK, &lock) ? errno : 0;
}

static int lock_whole(int fd) { return flock(fd, LOCK_EX | LOCK_NB) ? errno : 0; }

static int listen_at(int port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
	if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Where a process cannot be made, as an ordinary user. */
static void become_poor(void)
{
	struct rlimit none = {0, 0};
	must(setrlimit(RLIMIT_NPROC, &none) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
}

/* The process that ends: it tells its port through the pipe. */
static void serve(int pipe_end, const char *way, const char *where)
{
	int listener = listen_at(0), port = port_of(listener);
	must(lock_whole(open_locked(0)) == 0 && lock_record(open_locked(1)) == 0);
	if (!strcmp(where, "poor"))
		become_poor();
	must(write(pipe_end, &port, sizeof port) == sizeof port);
	int conn = accept_one(listener);
	respond(conn, 0, read_request(conn));
	must(write(pipe_end, "x", 1) == 1);
	exit(end_by(way));
}

/* A child that is pid 1 of its namespace, or the child of that one. */
static pid_t start(int pipe_end, const char *way, const char *where)
{
	int status, deep = !strcmp(where, "below-pid1");
	if ((deep || !strcmp(where, "pid1")) && unshare(CLONE_NEWPID)) {
		say("unsupported: a pid namespace");
		exit(0);
	}
	pid_t child = fork();
	if (child)
		return child;
	at_most_a_minute();
	pid_t below = deep ? fork() : 0;
	if (below == 0)
		serve(pipe_end, way, where);
	close(pipe_end);
	/* Nobody but that one holds anything of its own. */
	must(waitpid(below, &status, 0) == below);
	_exit(WEXITSTATUS(status));
}

static void ask(int fd)
{
	char request[64], unread[UNREAD] = {0};
	int length = snprintf(request, sizeof request, "GO %d %d\n", RESPONSE, UNREAD);
	must(write(fd, request, length) == length && write(fd, unread, UNREAD) == UNREAD);
}

/* What natively is gone with the process. */
static void look_around(int reader, int port)
{
	char byte;
	struct pollfd end = {.fd = reader, .events = POLLIN};
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	say("pipe: %s", poll(&end, 1, 10000) == 1 && read(reader, &byte, 1) == 0 ? "its end" : "open");
	int late = socket(AF_INET, SOCK_STREAM, 0);
	say("a new client: %s", connect(late, (struct sockaddr *)&there, sizeof there) ? strerror(errno) : "connected");
	close(late);
	say("a new instance: %s", listen_at(port) < 0 ? strerror(errno) : "listens");
	say("locks: %d %d", lock_whole(open_locked(0)), lock_record(open_locked(1)));
}

/* More of the request comes, which nobody will read, and then the answer is taken. */
static void take_the_answer(int fd)
{
	static char more[MORE], room[64 << 10];
	size_t taken = 0;
	ssize_t count;
	send(fd, more, MORE, MSG_NOSIGNAL);
	while ((count = read(fd, room, sizeof room)) > 0)
		taken += count;
	close(fd);
	say("the answer: %s", taken == RESPONSE && count == 0 ? "all" : "some");
}

int main(int count, char **arguments)
{
	int ends[2], port, status;
	char byte;
	must(count >= 2);
	const char *where = count == 3 ? arguments[2] : "here";
	at_most_a_minute();
	for (int which = 0; which < 2; which++) {
		strcpy(locked[which], "/tmp/exit_leaves.XXXXXX");
		must(fchmod(mkstemp(locked[which]), 0666) == 0);
	}
	must(pipe(ends) == 0);
	pid_t child = start(ends[1], arguments[1], where);
	close(ends[1]);
	must(read(ends[0], &port, sizeof port) == sizeof port);
	int conn = connect_slowly(port);
	ask(conn);
	must(read(ends[0], &byte, 1) == 1);
	look_around(ends[0], port);
	unlink(locked[0]), unlink(locked[1]);
	/* Where it waits for us it is to be there still. */
	if (!strcmp(where, "here")) {
		must(waitpid(child, &status, 0) == child);
		say("process: status %d", WEXITSTATUS(status));
	} else {
		say("process: %s", waitpid(child, &status, WNOHANG) ? "gone" : "there");
	}
	hear();
	take_the_answer(conn);
	if (strcmp(where, "here") && waitpid(child, &status, 0) == child)
		say("status %d", WEXITSTATUS(status));
	return 0;
}
