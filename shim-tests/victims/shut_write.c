/* After a shutdown of the write side, alone or with the other, every write fails
 * with EPIPE and SIGPIPE from the first instant on; before that of the read side
 * alone none does.
 *
 * shut_write WORD */
#include "shutting.h"

static volatile sig_atomic_t signals;

static void on_pipe(int number)
{
	(void)number;
	signals++;
}

static void try(const char *what, ssize_t count)
{
	say("%s: %s, signals %d", what, count < 0 ? strerrorname_np(errno) : "done", (int)signals);
}

int main(int count, char **arguments)
{
	struct sigaction action = {.sa_handler = on_pipe};
	int pair[2];
	must(count == 2);
	at_most_a_minute();
	must(sigaction(SIGPIPE, &action, NULL) == 0);
	tcp_pair(pair);
	must(shut_by(arguments[1], pair[1]) == 0);
	try("write", write(pair[1], "x", 1));
	try("send", send(pair[1], "x", 1, MSG_NOSIGNAL));
	try("out of band", send(pair[1], "x", 1, MSG_OOB));
	try("again", shut_by(arguments[1], pair[1]));
	say("recv: %s", end_of(pair[1]));
	try("write", write(pair[1], "x", 1));
	try("again", shut_by(arguments[1], pair[1]));
	return 0;
}
