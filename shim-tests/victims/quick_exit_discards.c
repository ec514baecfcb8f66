/* quick_exit writes nothing of what stdio has buffered, also where a connection is open. */
#include "round_trip.h"

int main(void)
{
	int pair[2];
	tcp_pair(pair);
	must(write(pair[0], "unread", 6) == 6);
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	printf("buffered");
	quick_exit(0);
}
