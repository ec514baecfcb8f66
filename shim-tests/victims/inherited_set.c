/* A program replaces itself, and the next image gets an epoll set on a high number with a connection
 * in it. It waits for an event, answers, closes the connection, and looks whether the set still reports it.
 *
 * inherited_set [CONNECTION] */
#include "image.h"
#include <sys/epoll.h>

enum { SET = 100 };

static void go_on_as_the_next_image(void)
{
	static char number[16];
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	int conn = accept_one(listen_tcp()), set = epoll_create1(0);
	must(dup2(set, SET) == SET && close(set) == 0);
	event.data.fd = conn;
	must(epoll_ctl(SET, EPOLL_CTL_ADD, conn, &event) == 0);
	snprintf(number, sizeof number, "%d", conn);
	char *words[] = {(char *)this_program(), number, NULL};
	execv(words[0], words);
	die("execv");
}

int main(int count, char **arguments)
{
	struct epoll_event event;
	at_most_a_minute();
	if (count == 1)
		go_on_as_the_next_image();
	int conn = atoi(arguments[1]);
	must(epoll_wait(SET, &event, 1, -1) == 1);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("after the close: %d", epoll_wait(SET, &event, 1, 0));
	wait_for_the_end();
	return 0;
}
