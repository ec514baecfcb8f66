/* Loads the library that it is told to, as a process with or without secure
 * execution, and says which. */
#include "victim.h"
#include <dlfcn.h>
#include <sys/auxv.h>

int main(int count, char **arguments)
{
	must(count == 2);
	say("secure %lu", getauxval(AT_SECURE));
	void *library = dlopen(arguments[1], RTLD_NOW);
	say("loaded %s", library ? "yes" : dlerror());
	return 0;
}
