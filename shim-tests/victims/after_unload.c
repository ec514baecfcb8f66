/* Calls a function that no library of the program has, but softclose exports, after a library that
 * another constructor had opened is gone. */
#define _GNU_SOURCE
#include "victim.h"
#include <dlfcn.h>

int main(void)
{
	at_most_a_minute();
	int (*close_it)(void) = dlsym(RTLD_DEFAULT, "close_it");
	must(close_it && close_it() == 0);
	int (*call)(int) = dlsym(RTLD_DEFAULT, "closesocket");
	must(!call || call(-1) == -1);
	int fds[2];
	must(pipe(fds) == 0 && close(fds[0]) == 0 && close(fds[1]) == 0);
	say("done");
	return 0;
}
