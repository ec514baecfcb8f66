/* The ways in which a process ends itself, by name. */
#ifndef ENDING_H
#define ENDING_H

#include "victim.h"

/* A status that nobody else chooses. */
#define STATUS 7

static UNUSED int end_by(const char *way)
{
	if (!strcmp(way, "exit"))
		exit(STATUS);
	if (!strcmp(way, "_exit"))
		_exit(STATUS);
	if (!strcmp(way, "_Exit"))
		_Exit(STATUS);
	if (!strcmp(way, "quick_exit"))
		quick_exit(STATUS);
	must(!strcmp(way, "return"));
	return STATUS;
}

#endif
