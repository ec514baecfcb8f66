/* Takes the name of the program and its environment away, before other constructors run. */
#include <stdlib.h>

__attribute__((constructor)) static void take_away(int count, char **arguments)
{
	if (count > 0)
		arguments[0] = NULL;
	clearenv();
}
