/* A program whose limits are in its way, or are moved while it runs, closes
 * connections: each close succeeds, frees its number, and the peer gets all.
 *
 * limits (none|raised|lowered|no-number|no-memory) */
#include "entries.h"
#include "round_trip.h"
#include <sys/resource.h>

enum { TURNS = 20, MOST = 4096 };

static int fillers[MOST], number_of_fillers;

static int is_hard;

static void allow_numbers(rlim_t most)
{
	struct rlimit limit;
	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = most;
	if (is_hard)
		limit.rlim_max = most;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* No mapping of any size, from here on. */
static void allow_no_memory(void)
{
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	unsigned long pages;
	FILE *file = fopen("/proc/self/statm", "r");
	must(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	limit.rlim_cur = pages * 4096 + 32768;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void fill(void)
{
	for (int fd; number_of_fillers < MOST && (fd = open("/dev/null", O_RDONLY)) >= 0;)
		fillers[number_of_fillers++] = fd;
}

static void empty(void)
{
	while (number_of_fillers > 0)
		must(close(fillers[--number_of_fillers]) == 0);
}

/* Whether the number is the lowest one that is free. */
static int is_next(int number)
{
	int fd = open("/dev/null", O_RDONLY);
	close(fd);
	return fd == number;
}

static int closes_well(int pair[2])
{
	char answer[8];
	must(write(pair[1], "answer", 6) == 6);
	return close(pair[1]) == 0 && is_next(pair[1]) && recv(pair[0], answer, sizeof answer, MSG_WAITALL) == 6;
}

static int turn(int is_full)
{
	int pair[2];
	tcp_pair(pair);
	/* Where its listener was. */
	int plug = open("/dev/null", O_RDONLY);
	if (is_full)
		fill();
	int good = closes_well(pair);
	empty();
	must(close(plug) == 0 && close(pair[0]) == 0);
	return good;
}

/* Some whose peers stay are being seen off meanwhile, and some are still open. */
static void with_others(const char *what)
{
	int before[8][2], good = 0;
	for (int at = 0; at < 8; at++)
		tcp_pair(before[at]);
	for (int at = 0; at < 4; at++)
		must(close(before[at][1]) == 0);
	if (!strcmp(what, "raised"))
		allow_numbers(512);
	if (!strcmp(what, "lowered"))
		allow_numbers(6);
	for (int at = 4; at < 8; at++)
		good += close(before[at][1]) == 0;
	allow_numbers(!strcmp(what, "raised") ? 512 : 128);
	for (int at = 0; at < 8; at++)
		must(close(before[at][0]) == 0);
	say("closed with others: %d", good);
}

int main(int count, char **arguments)
{
	int good = 0;
	at_most_a_minute();
	must(count == 2);
	const char *what = arguments[1];
	/* Else there are numbers beyond, but not right after the limit was moved. */
	is_hard = !strcmp(what, "no-number");
	allow_numbers(128);
	int open_before = entries("/proc/self/fd");
	if (!strcmp(what, "no-memory"))
		allow_no_memory();
	else
		with_others(what);
	for (int at = 0; at < TURNS; at++)
		good += turn(!strcmp(what, "no-number"));
	say("closed: %d", good);
	for (long start = now_ms(); strcmp(what, "no-memory") && entries("/proc/self/fd") != open_before && now_ms() - start < 5000;)
		usleep(1000);
	say("left open: %d", strcmp(what, "no-memory") ? entries("/proc/self/fd") - open_before : 0);
	return 0;
}
