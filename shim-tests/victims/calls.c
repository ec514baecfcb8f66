/* A program that makes each of the calls that are often interposed, a few times. */
#include "round_trip.h"

int main(void)
{
	int pair[2];
	at_most_a_minute();
	for (int turn = 0; turn < 5; turn++) {
		tcp_pair(pair);
		must(dup2(pair[1], 50) == 50 && close(50) == 0);
		say("%s", round_trip(pair[1], pair[0]));
		pid_t child = fork();
		if (child == 0)
			_exit(close(pair[1]));
		wait_for_child(child);
		must(turn || shutdown(pair[1], SHUT_WR) == 0);
		must(close(pair[1]) == 0);
		say("the peer reads %zd", read(pair[0], &child, 1));
		must(close(pair[0]) == 0);
	}
	return 0;
}
