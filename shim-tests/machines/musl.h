/* What victims use and musl has no function for. Included before each victim. */
#ifndef SOFTCLOSE_MUSL_H
#define SOFTCLOSE_MUSL_H
#define NEWER static inline
#include "newer.h"
#include <linux/close_range.h>

#define fcntl64 fcntl

/* Victims that were told to use these say that they failed. */
static inline int on_exit(void (*handler)(int, void *), void *argument)
{
	(void)handler, (void)argument;
	errno = ENOSYS;
	return -1;
}

static inline int fcloseall(void)
{
	errno = ENOSYS;
	return -1;
}
#endif
