/* A program closes by the handles of its porting library, which are wider than a descriptor
 * and are none. The handles are small numbers as well: what the program has on those numbers
 * must not be touched. The path of the library is given. */
#include "victim.h"
#include <dlfcn.h>

typedef uintptr_t SOCKET;

int main(int count, char **arguments)
{
	int pair[2];
	char answer[8];
	must(count == 2);
	void *library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
	must(library);
	SOCKET (*adopt)(int) = (SOCKET (*)(int))dlsym(library, "adopt_socket");
	intptr_t (*by_name)(SOCKET) = (intptr_t (*)(SOCKET))dlsym(RTLD_DEFAULT, "closesocket");
	must(adopt && by_name);
	tcp_pair(pair);
	must(write(pair[1], "answer", 6) == 6);
	SOCKET handle = adopt(pair[1]);
	intptr_t answered = by_name(handle);
	must(read(pair[0], answer, sizeof answer) == 6 && read(pair[0], answer, 1) == 0);
	say("the answer is the library's: %d; the number is open: %d", answered == (intptr_t)handle + 1,
	    fcntl(pair[1], F_GETFD) >= 0);
	return 0;
}
