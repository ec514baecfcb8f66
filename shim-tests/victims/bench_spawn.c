/* Spawns a program N times, one after the other, with this LD_PRELOAD ("-": none):
 * nanoseconds from the call until it has ended. */
#include "bench.h"
#include <spawn.h>

int main(int count, char **arguments)
{
	must(count >= 4);
	long times = atol(arguments[1]);
	char preload[4096];
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", arguments[2]);
	char *environment[] = {strcmp(arguments[2], "-") ? preload : NULL, NULL};
	long began = now_ns();
	for (long at = 0; at < times; at++) {
		pid_t child;
		must(posix_spawn(&child, arguments[3], NULL, NULL, arguments + 3, environment) == 0);
		wait_for_child(child);
	}
	say("result %.1f", (double)(now_ns() - began) / times);
	return 0;
}
