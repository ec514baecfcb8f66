/* A program closes connections whose peers stay, and then takes every number that its limit
 * allows. It says how many it got.
 *
 * every_number SOFT HARD (open|openat|creat|pipe|socketpair|eventfd|memfd|inotify|fopen|opendir|socket|dup) */
#include "victim.h"
#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { CONNECTIONS = 8 };

static int is_open(int fd) { return fd >= 0; }

static int take(const char *what)
{
	int ends[2];
	if (!strcmp(what, "open"))
		return is_open(open("/dev/null", O_RDONLY));
	if (!strcmp(what, "openat"))
		return is_open(openat(AT_FDCWD, "/dev/null", O_RDONLY));
	if (!strcmp(what, "creat"))
		return is_open(creat("/dev/null", 0600));
	if (!strcmp(what, "pipe"))
		return pipe(ends) == 0;
	if (!strcmp(what, "socketpair"))
		return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
	if (!strcmp(what, "eventfd"))
		return is_open(eventfd(0, 0));
	if (!strcmp(what, "memfd"))
		return is_open(memfd_create("file", 0));
	if (!strcmp(what, "inotify"))
		return is_open(inotify_init1(0));
	if (!strcmp(what, "fopen"))
		return fopen("/dev/null", "r") != NULL;
	if (!strcmp(what, "opendir"))
		return opendir("/") != NULL;
	return is_open(!strcmp(what, "dup") ? dup(0) : socket(AF_UNIX, SOCK_STREAM, 0));
}

int main(int count, char **arguments)
{
	int taken = 0;
	must(count == 4);
	at_most_a_minute();
	struct rlimit limit = {atoi(arguments[1]), atoi(arguments[2])}, now;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int at = 0; at < CONNECTIONS; at++) {
		int pair[2];
		tcp_pair(pair);
		must(write(pair[1], "answer", 6) == 6 && close(pair[1]) == 0);
	}
	while (take(arguments[3]))
		taken++;
	say("%s: %d, then %s", arguments[3], taken, strerrorname_np(errno));
	must(getrlimit(RLIMIT_NOFILE, &now) == 0);
	say("limits: %d and %d", (int)now.rlim_cur, (int)now.rlim_max);
	return 0;
}
