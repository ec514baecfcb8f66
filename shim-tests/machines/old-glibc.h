/* What the headers of an old glibc do not declare, and old-glibc.c has. Included before each victim. */
#ifndef SOFTCLOSE_OLD_GLIBC_H
#define SOFTCLOSE_OLD_GLIBC_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/close_range.h>

#ifndef fcntl64
#define fcntl64 fcntl
#endif
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1U
#endif

int close_range(unsigned first, unsigned last, int flags);
void closefrom(int lowest);
int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags);
int memfd_create(const char *name, unsigned flags);
#endif
