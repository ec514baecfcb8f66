/* One thread puts connections into a set, another one answers what the set reports, and
 * closes it: before epoll_ctl has returned to the first, as both have one processor.
 * No event is for a connection that was closed.
 *
 * set_entered_late COUNT */
#include "victim.h"
#include <sched.h>
#include <sys/epoll.h>

enum { NUMBERS = 1024 };

static int set;
static _Atomic unsigned opened_as[NUMBERS];
static _Atomic unsigned served, ghosts;

/* An event says which number it is for, and which opening of it. */
static void *serve(void *unused)
{
	struct epoll_event event;
	for (;;) {
		if (epoll_wait(set, &event, 1, -1) != 1)
			continue;
		int fd = event.data.u64 & (NUMBERS - 1);
		if (opened_as[fd] != event.data.u64 / NUMBERS) {
			ghosts++;
			continue;
		}
		must(send(fd, "answer", 6, MSG_NOSIGNAL) == 6);
		opened_as[fd] = 0;
		must(close(fd) == 0);
		served++;
	}
	return unused;
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	must(sched_setaffinity(0, sizeof one, &one) == 0);
	set = epoll_create1(EPOLL_CLOEXEC);
	int listener = listener_for(AF_INET, 0), port = port_of(listener);
	start_thread(serve, NULL);
	unsigned most = atoi(arguments[1]);
	for (unsigned i = 1; i <= most; i++) {
		char answer[8];
		int there = connect_to(port), here = accept_one(listener);
		must(here < NUMBERS);
		opened_as[here] = i;
		struct epoll_event event = {.events = EPOLLOUT, .data.u64 = (uint64_t)i * NUMBERS + here};
		must(epoll_ctl(set, EPOLL_CTL_ADD, here, &event) == 0);
		while (served < i)
			sched_yield();
		must(recv(there, answer, sizeof answer, MSG_WAITALL) == 6);
		for (int looks = 0; looks < 3; looks++)
			sched_yield();
		close(there);
	}
	say("served %u, ghosts: %s", served, ghosts ? "yes" : "no");
	_exit(0);
}
