/* Workers that were forked after the listener was made fill up, one after the other: each
 * makes PAIRS connections to itself and keeps them. The last one then closes CLOSES of
 * them, each with an answer on its way and a part of the request unread.
 *
 * prefork_full WORKERS PAIRS CLOSES [USER] */
#include "victim.h"

enum { ANSWER = 4096 };

static void fill(int listener, int pairs, int (*kept)[2])
{
	for (int at = 0; at < pairs; at++) {
		kept[at][0] = connect_to(port_of(listener));
		kept[at][1] = accept_one(listener);
	}
}

/* Whether the answer arrives whole, with an end that is no reset. */
static int closes_well(const int pair[2])
{
	char answer[ANSWER + 1];
	must(write(pair[0], "request", 7) == 7);
	await_unread(pair[1], 7);
	respond(pair[1], 0, ANSWER);
	must(close(pair[1]) == 0);
	return recv(pair[0], answer, sizeof answer, MSG_WAITALL) == ANSWER && recv(pair[0], answer, 1, 0) == 0;
}

static void work(int listener, int pairs, int closes, int done)
{
	int (*kept)[2] = malloc(sizeof *kept * pairs), well = 0;
	at_most_a_minute();
	fill(listener, pairs, kept);
	for (int at = 0; at < closes; at++)
		well += closes_well(kept[at]);
	if (closes)
		say("whole: %d", well);
	must(write(done, "d", 1) == 1);
	pause();
}

int main(int count, char **arguments)
{
	must(count >= 4);
	int workers = atoi(arguments[1]), done[2];
	pid_t pids[16];
	must(workers <= 16);
	char byte;
	if (count == 5 && setuid(atoi(arguments[4])))
		die("setuid");
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0);
	must(pipe(done) == 0);
	for (int at = 0; at < workers; at++) {
		pids[at] = fork();
		if (pids[at] == 0)
			work(listener, atoi(arguments[2]), at + 1 == workers ? atoi(arguments[3]) : 0, done[1]);
		must(read(done[0], &byte, 1) == 1);
	}
	for (int at = 0; at < workers; at++)
		kill(pids[at], SIGKILL);
	return 0;
}
