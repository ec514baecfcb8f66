/* A pool of threads, each of which accepts, reads, answers and closes. For each line
 * on stdin it says what `close` took since the last one: nanoseconds at p50, p99 and
 * p99.9, and how many there were. The first IDLE connections stay open. */
#include "bench.h"

#define MOST (1 << 20)
static uint32_t took[MOST];
static atomic_int closes;
static int listener;

static void *serve(void *nothing)
{
	(void)nothing;
	for (;;) {
		int conn = accept_one(listener);
		read_byte(conn);
		answer(conn);
		long began = now_ns();
		int answer = close(conn);
		long ended = now_ns();
		must(answer == 0);
		int at = atomic_fetch_add(&closes, 1);
		if (at < MOST)
			took[at] = ended - began;
	}
	return NULL;
}

static void report(void)
{
	int count = atomic_load(&closes);
	must(count > 0 && count <= MOST);
	qsort(took, count, sizeof *took, by_size);
	say("result %u %u %u %d", took[count / 2], took[count * 99L / 100], took[count * 999L / 1000], count);
	atomic_store(&closes, 0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	/* What is recorded must not cost a page fault where it is measured. */
	memset(took, 1, sizeof took);
	listener = listen_for_load();
	accept_idle(listener, atoi(arguments[2]));
	for (int at = atoi(arguments[1]); at > 0; at--)
		start_thread(serve, NULL);
	while (hear())
		report();
	return 0;
}
