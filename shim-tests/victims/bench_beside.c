/*
 * What `close` takes beside other things: answers CLOSES connections, closes each of
 * them, half of them after a quiet time, and says what that took:
 * nanoseconds at p50, at p99, and the slowest. OPEN more connections stay open.
 *
 *     bench_beside spawn|sets|prefork|threads|alone OPEN CLOSES
 */
#include "bench.h"

#define SETS 24
#define WORKERS 4
#define THREADS 1000
/* After a second without a close things are looked at anew. */
#define QUIET_MS 1500

static int listener, sets[SETS], set_count;

static int in_a_set(int conn, int at)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = conn};
	if (set_count)
		must(epoll_ctl(sets[at % set_count], EPOLL_CTL_ADD, conn, &event) == 0);
	return conn;
}

static void make_sets(int count)
{
	for (set_count = 0; set_count < count; set_count++)
		must((sets[set_count] = epoll_create1(EPOLL_CLOEXEC)) >= 0);
}

static void take_idle(int count)
{
	for (int at = 0; at < count; at++)
		in_a_set(accept_one(listener), at);
}

/* More than the peer has room for, where somebody could be writing still. */
static void respond_to(int conn, int amply)
{
	static char large[1 << 20];
	if (amply)
		must(send(conn, large, sizeof large, MSG_DONTWAIT) > 0);
	else
		answer(conn);
}

static int next_conn(int at, int amply)
{
	int conn = in_a_set(accept_one(listener), at);
	respond_to(conn, amply);
	return conn;
}

static void measure(int closes, int amply, int spawns)
{
	uint32_t *took = calloc(closes, sizeof *took);
	int *conns = calloc(closes, sizeof *conns);
	memset(took, 1, closes * sizeof *took);
	/* Those that the child could have. */
	for (int at = 0; at < closes && spawns; at++)
		conns[at] = next_conn(at, amply);
	must(!spawns || system("true") == 0);
	for (int at = 0; at < closes; at++) {
		int conn = spawns ? conns[at] : next_conn(at, amply);
		if (at == closes / 2)
			poll(NULL, 0, QUIET_MS);
		long began = now_ns();
		int answer = close(conn);
		took[at] = now_ns() - began;
		must(answer == 0);
	}
	qsort(took, closes, sizeof *took, by_size);
	say("result %u %u %u", took[closes / 2], took[closes * 99 / 100], took[closes - 1]);
}

static void *sleeper(void *gate)
{
	char byte;
	return (void *)(intptr_t)read(*(int *)gate, &byte, 1);
}

static void start_sleepers(void)
{
	static int gate[2];
	pthread_attr_t small;
	pthread_t thread;
	must(pipe(gate) == 0 && pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 128 << 10) == 0);
	for (int at = 0; at < THREADS; at++)
		must(pthread_create(&thread, &small, sleeper, &gate[0]) == 0);
}

/* Workers that share the listener; one after the other takes its idle connections into a set of
 * its own. */
static void become_last_worker(int idle)
{
	int turns[WORKERS + 1][2], worker = 0;
	pid_t child = 0;
	for (int at = 0; at <= WORKERS; at++)
		must(pipe(turns[at]) == 0);
	must(write(turns[0][1], "g", 1) == 1);
	for (; worker < WORKERS && (child = fork()); worker++)
		must(child > 0);
	if (child) {
		while (waitpid(-1, NULL, 0) > 0)
			;
		_exit(0);
	}
	at_most_an_hour();
	make_sets(1);
	must(read_byte(turns[worker][0]) == 'g');
	take_idle(idle / WORKERS);
	must(write(turns[worker + 1][1], "g", 1) == 1);
	while (worker < WORKERS - 1)
		pause();
}

int main(int count, char **arguments)
{
	must(count == 4);
	const char *beside = arguments[1];
	int idle = atoi(arguments[2]), amply = !strcmp(beside, "threads");
	listener = listen_for_load();
	if (!strcmp(beside, "sets"))
		make_sets(SETS);
	if (amply)
		start_sleepers();
	if (!strcmp(beside, "prefork"))
		become_last_worker(idle);
	else
		take_idle(idle);
	measure(atoi(arguments[3]), amply, !strcmp(beside, "spawn"));
	wait_for_the_end();
	return 0;
}
