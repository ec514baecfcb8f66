/* The program had a child that shared the connection and is gone by now, or has
 * let go of it: the program's is the last reference, and its close must be
 * graceful.
 *
 * after_child WAY, see below. */
#include "raw_clone.h"
#include <spawn.h>
#include <sys/epoll.h>

extern char **environ;

static int conn, parting[2];

/* What the child does with its copy. */
static void part(const char *way)
{
	char byte;
	if (!strcmp(way, "watches")) {
		struct epoll_event event = {.events = EPOLLIN};
		must(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, conn, &event) == 0);
	}
	if (!strcmp(way, "exits") || !strcmp(way, "watches"))
		exit(0);
	if (!strcmp(way, "closes") || !strcmp(way, "lives") || !strncmp(way, "clone-", 6))
		must(close(conn) == 0);
	if (!strcmp(way, "lives") || !strcmp(way, "killed")) {
		must(write(parting[1], "x", 1) == 1);
		must(read(0, &byte, 1) >= 0);
	}
	_exit(0);
}

static pid_t child_by(const char *way)
{
	pid_t child;
	char *words[] = {"true", NULL};
	if (!strcmp(way, "vfork") || !strcmp(way, "vfork-exec")) {
		child = vfork();
		if (child == 0) {
			close(conn);
			if (!strcmp(way, "vfork-exec"))
				execlp("true", "true", NULL);
			_exit(0);
		}
		return child;
	}
	if (!strcmp(way, "spawn")) {
		must(posix_spawnp(&child, "true", NULL, NULL, words, environ) == 0);
		return child;
	}
	child = new_process(strncmp(way, "clone-", 6) ? "fork" : way + 6);
	if (child == 0)
		part(way);
	return child;
}

static void see_off(pid_t child, const char *way)
{
	char byte;
	siginfo_t info;
	if (!strcmp(way, "lives") || !strcmp(way, "killed"))
		must(read(parting[0], &byte, 1) == 1);
	if (!strcmp(way, "lives"))
		return;
	if (!strcmp(way, "killed")) {
		must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	} else if (!strcmp(way, "zombie")) {
		must(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
	} else {
		wait_for_child(child);
	}
}

/* Helpers that make, and see off, a child of their own. */
static int by_library(const char *way)
{
	if (!strcmp(way, "system"))
		return system("true") == 0;
	if (!strcmp(way, "popen")) {
		FILE *pipe = popen("true", "r");
		return pipe && fgetc(pipe) == EOF && pclose(pipe) == 0;
	}
	return 0;
}

int main(int count, char **arguments)
{
	must(count == 2);
	const char *way = arguments[1];
	must(pipe(parting) == 0);
	conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	/* What another program inherits may be anywhere by now. */
	if (!strcmp(way, "spawn") || !strcmp(way, "system") || !strcmp(way, "popen"))
		must(fcntl(conn, F_SETFD, FD_CLOEXEC) == 0);
	pid_t child = 0;
	if (!by_library(way)) {
		child = child_by(way);
		must(child > 0);
		see_off(child, way);
	}
	respond(conn, 0, response);
	must(close(conn) == 0);
	say("closed");
	if (!strcmp(way, "zombie"))
		wait_for_child(child);
	wait_for_the_end();
	return 0;
}
