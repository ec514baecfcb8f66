/* The ways to shut a connection down, by name, and what comes after it. */
#ifndef SHUTTING_H
#define SHUTTING_H

#include "victim.h"

static UNUSED int direction_of(const char *name)
{
	if (!strcmp(name, "RD"))
		return SHUT_RD;
	if (!strcmp(name, "WR"))
		return SHUT_WR;
	must(!strcmp(name, "RDWR"));
	return SHUT_RDWR;
}

/* "RD", "WR", "RDWR", by libc or as "SYS_RD" and so on. */
static UNUSED int shut_by(const char *name, int fd)
{
	if (!strncmp(name, "SYS_", 4))
		return syscall(SYS_shutdown, fd, direction_of(name + 4));
	return shutdown(fd, direction_of(name));
}

/* What recv tells in the end: data of a peer that goes on sending may come
 * before that. */
static UNUSED const char *end_of(int fd)
{
	char block[4096];
	ssize_t count;
	do
		count = recv(fd, block, sizeof block, 0);
	while (count > 0 || (count < 0 && errno == EINTR));
	return count ? strerrorname_np(errno) : "0";
}

#endif
