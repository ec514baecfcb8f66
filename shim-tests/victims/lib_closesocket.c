/* A porting library whose SOCKET is a handle: as wide as a pointer, and no descriptor. */
#include <stdint.h>
#include <unistd.h>

typedef uintptr_t SOCKET;

enum { TABLE = 8 };

static int descriptors[TABLE];
static const SOCKET MARK = (SOCKET)0x50c4e7 << 32;

SOCKET adopt_socket(int fd)
{
	for (SOCKET at = 0; at < TABLE; at++)
		if (!descriptors[at]) {
			descriptors[at] = fd;
			return MARK | at;
		}
	return 0;
}

/* Answers what it was given, plus one. */
intptr_t closesocket(SOCKET socket)
{
	SOCKET at = socket ^ MARK;
	if (at >= TABLE || close(descriptors[at]))
		return -1;
	descriptors[at] = 0;
	return socket + 1;
}
