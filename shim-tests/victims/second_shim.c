/* A library is loaded into a namespace of its own, with a libc of its own; a
 * connection is closed by its close, and another by the program's.
 *
 * second_shim LIBRARY */
#include "round_trip.h"
#include <dlfcn.h>

int main(int count, char **arguments)
{
	int pair[2];
	char byte;
	must(count == 2);
	void *library = dlmopen(LM_ID_NEWLM, arguments[1], RTLD_NOW);
	int (*its_close)(int) = library ? (int (*)(int))dlsym(library, "close") : NULL;
	if (!its_close)
		die(dlerror());
	int conn = accept_one(listen_tcp());
	tcp_pair(pair);
	int copy = dup(pair[1]);
	must(its_close(pair[1]) == 0);
	must(!strcmp(round_trip(copy, pair[0]), "works"));
	must(its_close(copy) == 0 && read(pair[0], &byte, 1) == 0);
	respond(conn, 0, read_request(conn));
	must(its_close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
