/* A process ends with many open files, none of them a socket.
 *
 * many_files HOW_MANY */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	for (int at = 0; at < atoi(arguments[1]); at++)
		must(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
	say("open");
	return 0;
}
