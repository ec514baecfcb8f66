/* Functions of later versions of glibc, linked into each victim for an old one. */
#define _GNU_SOURCE
#define NEWER
#include "newer.h"
#include <sys/types.h>

pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }

int memfd_create(const char *name, unsigned flags) { return (int)syscall(SYS_memfd_create, name, flags); }

/* Victims that were told to use it say that it failed. */
pid_t _Fork(void)
{
	errno = ENOSYS;
	return -1;
}
