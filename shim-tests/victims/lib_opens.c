/* Opens the library that OPENED names, before other constructors run, and closes it later. */
#include <dlfcn.h>
#include <stdlib.h>

static void *opened;

__attribute__((constructor)) static void open_it(void) { opened = dlopen(getenv("OPENED"), RTLD_NOW); }

int close_it(void) { return opened ? dlclose(opened) : -1; }
