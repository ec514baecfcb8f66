/* A sink: takes what comes, and answers nothing; or, with "sends", one byte.
 *
 * nothing_sent WAY silent|sends [PORT], where WAY ends the connection with what came
 * unread: close, shut (both ways, and no close) or exit. With a port it is a client. */
#include "victim.h"

static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }

static int connection(const char *port)
{
	if (!port)
		return accept_one(listen_tcp());
	at_most_a_minute();
	return connect_to(atoi(port));
}

int main(int count, char **words)
{
	must(count >= 3);
	const char *way = words[1];
	int fd = connection(words[3]);
	read_request(fd);
	if (is(words[2], "sends"))
		must(write(fd, "k", 1) == 1);
	if (is(way, "exit")) {
		say("closed");
		return 0;
	}
	must(is(way, "shut") ? shutdown(fd, SHUT_RDWR) == 0 : close(fd) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
