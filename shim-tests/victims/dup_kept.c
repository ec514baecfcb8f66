/* A copy made by one of the dup calls is still in use when the first descriptor
 * is closed. */
#include "victim.h"

static int copy_of(int fd, const char *way)
{
	if (!strcmp(way, "dup"))
		return dup(fd);
	if (!strcmp(way, "dup2"))
		return dup2(fd, 40);
	if (!strcmp(way, "dup3"))
		return dup3(fd, 40, O_CLOEXEC);
	if (!strcmp(way, "F_DUPFD"))
		return fcntl(fd, F_DUPFD, 40);
	if (!strcmp(way, "F_DUPFD_CLOEXEC"))
		return fcntl(fd, F_DUPFD_CLOEXEC, 40);
	if (!strcmp(way, "syscall"))
		return syscall(SYS_dup, fd);
	must(!strcmp(way, "fcntl64"));
	return fcntl64(fd, F_DUPFD, 40);
}

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	int copy = copy_of(conn, arguments[1]);
	must(copy >= 0);
	must(close(conn) == 0);
	respond_in_two(copy, response);
	must(close(copy) == 0);
	wait_for_the_end();
	return 0;
}
