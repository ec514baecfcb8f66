/* Closes beside many epoll sets, one of which nobody has ever used, and many idle
 * connections.
 *
 * sets_beside SETS IDLE CLOSES: ends by an instruction, so that its end takes no call. */
#include "by_instruction.h"
#include <sys/epoll.h>

static void add(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(int count, char **arguments)
{
	must(count == 4);
	int sets = atoi(arguments[1]), idle = atoi(arguments[2]), closes = atoi(arguments[3]), pair[2];
	int set[sets], unused = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < sets; i++)
		set[i] = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < idle; i++) {
		tcp_pair(pair);
		add(set[i % sets], pair[1]);
	}
	for (int i = 0; i < closes; i++) {
		tcp_pair(pair);
		if (i % 2)
			add(set[i % sets], pair[1]);
		must(send(pair[1], "answer", 6, MSG_NOSIGNAL) == 6);
		must(close(pair[1]) == 0);
	}
	say("closed beside %d", unused);
	by_instruction(SYS_exit_group, 0, 0, 0, 0);
}
