/* Serves N connections, one after the other, and then does nothing. */
#include "victim.h"

int main(int count, char **arguments)
{
	must(count == 2);
	serve_early(listen_tcp(), atoi(arguments[1]));
	return 0;
}
