/* Code ported from Winsock calls closesocket; where libc has none, its port
 * falls back to close. */
#include "victim.h"
#include <dlfcn.h>

int main(void)
{
	int (*closesocket)(int) = (int (*)(int))dlsym(RTLD_DEFAULT, "closesocket");
	int conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	must((closesocket ? closesocket : close)(conn) == 0);
	say("closed by %s", closesocket ? "closesocket" : "close");
	wait_for_the_end();
	return 0;
}
