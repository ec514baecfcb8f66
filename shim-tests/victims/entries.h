/* How much there is in a directory of procfs: of numbers, of threads. */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "victim.h"
#include <dirent.h>

/* `.`, `..` and, of numbers, that of the look itself among them. */
static UNUSED int entries(const char *path)
{
	int count = 0;
	DIR *directory = opendir(path);
	must(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static UNUSED void await_entries(const char *path, int count)
{
	while (entries(path) > count)
		usleep(1000);
}

#endif
