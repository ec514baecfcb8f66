/* Every dup2 and dup3 over a connection that fails, or does nothing, leaves the
 * connection in full use. */
#include "road.h"

#define try(call) (errno = 0, say("%s: %s", #call, answer(call)))

static const char *answer(long result) { return result < 0 ? strerrorname_np(errno) : "done"; }

int main(void)
{
	int conn = accept_one(listen_tcp()), file = null_file(), path = open("/", O_PATH | O_CLOEXEC);
	size_t response = read_request(conn);
	try(dup2(-1, conn));
	try(dup2(1000, conn));
	try(dup2(conn, conn));
	try(dup2(conn, -1));
	try(dup2(conn, 1 << 30));
	try(dup3(-1, conn, 0));
	try(dup3(1000, conn, O_CLOEXEC));
	try(dup3(conn, conn, 0));
	try(dup3(file, conn, O_NONBLOCK));
	try(dup3(file, conn, O_CLOEXEC | O_APPEND));
	try(dup3(file, conn, -1));
	try(dup2_by_syscall(-1, conn));
	try(dup2_by_syscall(conn, conn));
	try(syscall(SYS_dup3, -1, conn, 0));
	try(syscall(SYS_dup3, conn, conn, 0));
	try(syscall(SYS_dup3, file, conn, O_NONBLOCK));
	try(fcntl(conn, F_DUPFD, -1));
	try(fcntl(conn, F_DUPFD, 1 << 30));
	try(dup2(path, path));
	respond_in_two(conn, response);
	must(close(conn) == 0);
	wait_for_the_end();
	return 0;
}
