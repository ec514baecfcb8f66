/* An event loop closes a registered connection while its peer sends on. epoll
 * remembers the open file, not the number: a copy kept by somebody else would be
 * reported for ever, and could not be removed any more.
 *
 * epoll_ghost (level|edge) (one|two|raw|kept|child): one set, two sets, a set
 * entered by syscall(), a dup that the program itself keeps, or a set that a child
 * has entered under another number, which has ended since. */
#include "victim.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { WORDS = 1, CONN = 2, NEXT = 3 };

static void watch(int epoll, int fd, unsigned events, int raw, int what)
{
	struct epoll_event event = {.events = events, .data.u32 = what};
	must((raw ? syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, &event) : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) == 0);
}

/* Three words of the test, with data from the peer before each. */
static int ghosts_in(int epoll)
{
	int ghosts = 0, words = 0;
	while (words < 3 && ghosts < 1000) {
		struct epoll_event event;
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.u32 == WORDS)
			words += hear();
		else
			ghosts++;
	}
	return ghosts;
}

/* Another connection is closed first: from then on nobody looks through sets that
 * are all known. */
static void close_another(void)
{
	int listener = listener_for(AF_INET, 0);
	int there = connect_to(port_of(listener)), here = accept_one(listener);
	must(close(here) == 0 && close(there) == 0 && close(listener) == 0);
}

static void watch_in_child(int epoll, int fd, unsigned events)
{
	pid_t child = fork();
	if (child == 0) {
		watch(epoll, dup(fd), events, 0, CONN);
		exit(0);
	}
	wait_for_child(child);
}

int main(int count, char **arguments)
{
	must(count == 3);
	unsigned events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | (strcmp(arguments[1], "edge") ? 0 : EPOLLET);
	int raw = !strcmp(arguments[2], "raw");
	int first = epoll_create1(0), second = epoll_create1(0);
	watch(first, 0, EPOLLIN, 0, WORDS);
	watch(second, eventfd(0, 0), EPOLLIN, 0, NEXT);
	close_another();
	int conn = accept_one(listen_tcp()), number = conn;
	if (strcmp(arguments[2], "child"))
		watch(first, conn, events, raw, CONN);
	else
		watch_in_child(first, conn, events);
	if (!strcmp(arguments[2], "two"))
		watch(second, conn, events, raw, CONN);
	int kept = strcmp(arguments[2], "kept") ? -1 : dup(conn);
	respond(conn, 0, read_request(conn));

	must(close(conn) == 0);
	struct epoll_event event;
	int gone = epoll_ctl(first, EPOLL_CTL_DEL, number, &event);
	say("EPOLL_CTL_DEL after the close: %d, %s", gone, strerrorname_np(errno));
	int next = eventfd(0, 0);
	say("the number is %s", next == number ? "free" : "taken");
	watch(first, next, EPOLLIN, 0, NEXT);
	say("closed");
	say("ghosts: %s", ghosts_in(first) ? "yes" : "no");
	say("in the second set: %d", epoll_wait(second, &event, 1, 0));
	(void)kept;
	wait_for_the_end();
	return 0;
}
