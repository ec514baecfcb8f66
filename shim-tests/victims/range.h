/* Every way in which a program closes a range of numbers, by name. */
#ifndef RANGE_H
#define RANGE_H

#include "by_instruction.h"
#include "road.h"

/* `closefrom` goes on to the end. */
static UNUSED void close_all(const char *way, int first, unsigned last)
{
	if (!strcmp(way, "closefrom"))
		closefrom(first);
	else if (!strcmp(way, "instruction"))
		must(by_instruction(SYS_close_range, first, last, 0, 0) == 0);
	else
		must(close_numbers(way, first, last, 0) == 0);
}

static UNUSED int open_between(int first, int last)
{
	int open = 0;
	for (int fd = first; fd <= last; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return open;
}

#endif
