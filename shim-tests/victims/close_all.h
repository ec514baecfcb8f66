/* Every way to close all descriptors of a process, as daemons do. */
#ifndef CLOSE_ALL_H
#define CLOSE_ALL_H

#include "by_instruction.h"

static void close_one(const char *way, int fd)
{
	if (!strcmp(way, "close"))
		close(fd);
	else if (!strcmp(way, "syscall"))
		syscall(SYS_close, fd);
	else
		by_instruction(SYS_close, fd, 0, 0, 0);
}

/* close, syscall, instruction, close_range, syscall_range, instruction_range or closefrom. */
static UNUSED void close_all(const char *way, int first, int limit)
{
	if (!strcmp(way, "close_range"))
		must(close_range(first, ~0u, 0) == 0);
	else if (!strcmp(way, "syscall_range"))
		must(syscall(SYS_close_range, first, ~0u, 0) == 0);
	else if (!strcmp(way, "instruction_range"))
		must(by_instruction(SYS_close_range, first, ~0u, 0, 0) == 0);
	else if (!strcmp(way, "closefrom"))
		closefrom(first);
	else
		for (int fd = first; fd < limit; fd++)
			close_one(way, fd);
}

#endif
