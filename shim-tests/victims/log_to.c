/* Where the log goes is a place that makes a writer wait, or kills it.
 *
 * log_to fifo PATH	the log file is a FIFO that nobody reads (made by the test)
 * log_to limit	no file may have more than 16 bytes
 * log_to full	stderr is a pipe that is full
 * log_to client	stderr is the client's connection, as of an inetd server
 * log_to nobody	stderr is a pipe without a reader, at the start of another program already */
#include "victim.h"
#include <sys/resource.h>

static int second_life;

static void be_another_program(char **arguments)
{
	if (second_life)
		return;
	setenv("SECOND_LIFE", "yes", 1);
	execv("/proc/self/exe", arguments);
	die("exec");
}

static void fill(int fd)
{
	char bytes[4096] = "";
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, sizeof bytes) > 0)
		;
	fcntl(fd, F_SETFL, 0);
}

static void stderr_is(int fd)
{
	must(dup2(fd, 2) == 2);
}

static void close_some(void)
{
	for (int round = 0; round < 3; round++) {
		int pair[2];
		tcp_pair(pair);
		must(write(pair[1], "answer", 6) == 6 && close(pair[1]) == 0 && close(pair[0]) == 0);
	}
}

static void to_a_pipe(int is_full, char **arguments)
{
	int ends[2];
	if (!second_life) {
		must(pipe(ends) == 0);
		stderr_is(ends[1]);
		if (is_full)
			fill(ends[1]);
		else
			must(close(ends[0]) == 0 && close(ends[1]) == 0);
	}
	be_another_program(arguments);
	close_some();
}

static void to_the_client(char **arguments)
{
	int pair[2];
	char byte;
	if (!second_life) {
		tcp_pair(pair);
		must(dup2(pair[0], 9) == 9);
		stderr_is(pair[1]);
	}
	be_another_program(arguments);
	close_some();
	say("the client got: %d", (int)recv(9, &byte, 1, MSG_DONTWAIT));
}

int main(int count, char **arguments)
{
	struct rlimit limit = {16, 16};
	must(count >= 2);
	at_most_a_minute();
	second_life = getenv("SECOND_LIFE") != NULL;
	if (!strcmp(arguments[1], "limit"))
		must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	if (!strcmp(arguments[1], "full") || !strcmp(arguments[1], "nobody"))
		to_a_pipe(!strcmp(arguments[1], "full"), arguments);
	else if (!strcmp(arguments[1], "client"))
		to_the_client(arguments);
	else
		close_some();
	say("alive");
	return 0;
}
