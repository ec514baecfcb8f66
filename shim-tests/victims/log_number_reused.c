/* A daemon has closed its standard error and has its data in a file that got the
 * number. Nobody else writes there. */
#include "victim.h"
#include <sys/mman.h>

int main(void)
{
	int pair[2];
	char byte;
	at_most_a_minute();
	must(close(2) == 0 && memfd_create("data", 0) == 2);
	must(write(2, "data", 4) == 4);
	for (int round = 0; round < 3; round++) {
		tcp_pair(pair);
		must(close(pair[1]) == 0 && read(pair[0], &byte, 1) == 0);
		must(close(pair[0]) == 0);
	}
	say("bytes of data: %ld", (long)lseek(2, 0, SEEK_END));
	return 0;
}
