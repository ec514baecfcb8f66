/* Threads accept, serve and close N connections. In the storm with forks, other
 * threads make children by fork and vfork that end at once, each with a copy of
 * everything that is open.
 *
 * In the other storm the servers compute before they close, so that whoever is
 * woken by a close takes the processor away in the middle of it.
 *
 * storm N (forks|work) */
#include "victim.h"

enum { SERVERS = 16, BREEDERS = 2 };

static int listener;
static atomic_int to_accept, serving;
static int works;

static void work(void)
{
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_nsec - start.tv_nsec + (now.tv_sec - start.tv_sec) * 1000000000L < 300000);
}

static void *serve(void *nothing)
{
	while (atomic_fetch_sub(&to_accept, 1) > 0) {
		int conn = accept_one(listener);
		respond(conn, 0, read_request(conn));
		if (works)
			work();
		must(close(conn) == 0);
	}
	atomic_fetch_sub(&serving, 1);
	return nothing;
}

static void *breed(void *by_vfork)
{
	while (serving > 0) {
		pid_t child = by_vfork ? vfork() : fork();
		if (child == 0)
			_exit(0);
		wait_for_child(child);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	must(count == 3);
	works = !strcmp(arguments[2], "work");
	int breeding = works ? 0 : BREEDERS;
	to_accept = atoi(arguments[1]);
	serving = SERVERS;
	listener = listen_tcp();
	pthread_t servers[SERVERS], breeders[BREEDERS];
	for (int at = 0; at < SERVERS; at++)
		servers[at] = start_thread(serve, NULL);
	for (int at = 0; at < breeding; at++)
		breeders[at] = start_thread(breed, at ? &listener : NULL);
	for (int at = 0; at < SERVERS; at++)
		pthread_join(servers[at], NULL);
	for (int at = 0; at < breeding; at++)
		pthread_join(breeders[at], NULL);
	say("the storm is over");
	wait_for_the_end();
	return 0;
}
