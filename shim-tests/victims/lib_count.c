/* An interposer: it counts the program's calls, passes them on, and at the end says
 * how many there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int closes, accepts, dups, forks, shutdowns;
static pid_t me;

/* Each time anew, as lazy as they come. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int close(int fd)
{
	closes++;
	return NEXT(close)(fd);
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
	accepts++;
	return NEXT(accept)(fd, address, length);
}

int dup2(int from, int to)
{
	dups++;
	return NEXT(dup2)(from, to);
}

pid_t fork(void)
{
	forks++;
	return NEXT(fork)();
}

int shutdown(int fd, int how)
{
	shutdowns++;
	return NEXT(shutdown)(fd, how);
}

__attribute__((constructor)) static void begin(void) { me = getpid(); }

__attribute__((destructor)) static void end(void)
{
	char line[100];
	if (getpid() != me)
		return;
	int length = snprintf(line, sizeof line, "close %d accept %d dup2 %d fork %d shutdown %d\n", closes, accepts, dups, forks, shutdowns);
	(void)!write(1, line, length);
}
