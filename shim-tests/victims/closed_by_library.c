/* A connection is closed by code that was loaded while the program runs.
 *
 * closed_by_library (global|local|deepbind|namespace) LIBRARY
 * closed_by_library unload LIBRARY */
#include "victim.h"
#include <dlfcn.h>

static void *load(const char *way, const char *path)
{
	if (!strcmp(way, "namespace"))
		return dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	int scope = !strcmp(way, "global") ? RTLD_GLOBAL : RTLD_LOCAL;
	return dlopen(path, RTLD_NOW | scope | (!strcmp(way, "deepbind") ? RTLD_DEEPBIND : 0));
}

static int (*function(void *library, const char *name))(int)
{
	int (*found)(int) = library ? (int (*)(int))dlsym(library, name) : NULL;
	if (!found)
		die(dlerror());
	return found;
}

int main(int count, char **arguments)
{
	must(count == 3);
	void *library = load(arguments[1], arguments[2]);
	if (!strcmp(arguments[1], "unload")) {
		function(library, "serve")(0);
		must(dlclose(library) == 0);
	} else {
		int (*close_it)(int) = function(library, "close_it");
		int conn = accept_one(listen_tcp());
		respond(conn, 0, read_request(conn));
		must(close_it(conn) == 0);
	}
	say("closed");
	wait_for_the_end();
	return 0;
}
