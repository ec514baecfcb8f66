/* Standard error is a pipe whose reader has gone, and the program never writes to
 * it. Whoever does must not have it killed by SIGPIPE. */
#include "victim.h"

int main(void)
{
	int ends[2], first[2], second[2];
	at_most_a_minute();
	must(pipe(ends) == 0 && dup2(ends[1], 2) == 2);
	close(ends[0]);
	close(ends[1]);
	tcp_pair(first);
	tcp_pair(second);
	must(close(first[1]) == 0 && close(second[1]) == 0);
	say("alive");
	return 0;
}
