/* One connection, one close, and the peer reads the end of it. */
#include "victim.h"

int main(void)
{
	int pair[2];
	char byte;
	at_most_a_minute();
	tcp_pair(pair);
	must(close(pair[1]) == 0);
	say("the peer reads %zd", read(pair[0], &byte, 1));
	return 0;
}
