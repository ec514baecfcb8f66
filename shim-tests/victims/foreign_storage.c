/* A child with thread-local storage that is not libc's: all zeroes, as Chromium's sandbox makes it
 * (ChrootToSafeEmptyDir). It makes one call, ends, and says by its status whether that worked.
 *
 * foreign_storage (shared|copied) CALL */
#include "victim.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const char *call;
static int file, socket_number;

static int works(void)
{
	if (!strcmp(call, "_exit"))
		return 1;
	if (!strcmp(call, "close"))
		return close(file) == 0;
	if (!strcmp(call, "close_socket"))
		return close(socket_number) == 0;
	if (!strcmp(call, "open"))
		return open("/dev/null", O_RDONLY) > 0;
	if (!strcmp(call, "dup2"))
		return dup2(file, file + 1) == file + 1;
	if (!strcmp(call, "shutdown"))
		return shutdown(socket_number, SHUT_WR) == 0;
	if (!strcmp(call, "setsockopt"))
		return setsockopt(socket_number, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)) == 0;
	if (!strcmp(call, "execve"))
		execve("/bin/true", (char *[]){"true", NULL}, (char *[]){NULL});
	return 0;
}

static int child(void *unused)
{
	(void)unused;
	int status = works() ? 0 : 1;
	if (!strcmp(call, "_exit"))
		syscall(SYS_exit_group, status);
	_exit(status);
}

int main(int count, char **arguments)
{
	static char stack[1 << 16] __attribute__((aligned(16))), storage[1 << 14] __attribute__((aligned(64)));
	must(count == 3);
	int flags = CLONE_SETTLS | SIGCHLD, pair[2], status;
	if (!strcmp(arguments[1], "shared"))
		flags |= CLONE_VM | CLONE_VFORK;
	call = arguments[2];
	tcp_pair(pair);
	socket_number = pair[0];
	must((file = open("/dev/null", O_RDONLY)) >= 0);
	pid_t pid = clone(child, stack + sizeof stack, flags, NULL, NULL, storage + sizeof storage / 2, NULL);
	must(pid > 0 && waitpid(pid, &status, 0) == pid);
	must(close(pair[0]) == 0);
	say("status %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
	return 0;
}
