/* The processors that a victim was started on, and one of them alone. */
#ifndef PINNED_H
#define PINNED_H

#include "victim.h"
#include <sched.h>

static cpu_set_t at_start;

static int processor(int which)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &at_start) && which-- == 0)
			return cpu;
	return -1;
}

static void pin(int cpu)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	must(sched_setaffinity(0, sizeof one, &one) == 0);
}

#endif
