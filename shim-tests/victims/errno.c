/* What close answers, and what it leaves in errno. */
#include "victim.h"

/* Not 0, and no error that a close could give. */
#define PRESET 77

static void try(const char *what, int fd)
{
	errno = PRESET;
	int result = close(fd);
	say("%s: %d, errno %d", what, result, errno);
}

int main(void)
{
	int pair[2];
	tcp_pair(pair);
	must(write(pair[0], "unread", 6) == 6);
	try("connection with data unread", pair[1]);
	try("the same again", pair[1]);
	try("connection whose peer has closed", pair[0]);
	try("the same again", pair[0]);
	tcp_pair(pair);
	must(shutdown(pair[0], SHUT_WR) == 0);
	try("half-closed connection", pair[0]);
	try("the same again", pair[0]);
	try("its other end", pair[1]);
	try("-1", -1);
	try("INT_MIN", -2147483647 - 1);
	try("never open", 1000000);
	int file = open("/dev/null", O_RDONLY);
	try("file", file);
	try("file again", file);
	int path = open("/", O_PATH);
	try("O_PATH", path);
	try("O_PATH again", path);
	return 0;
}
