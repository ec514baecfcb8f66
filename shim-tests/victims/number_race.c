/* One thread gives connections up on one of the roads; another one opens files,
 * which get the numbers that are free, and finds each of them its own until it
 * closes it. A number that is closed twice is somebody else's by then.
 *
 * number_race ROAD */
#include "road.h"

enum { ROUNDS = 10000, LONG_ENOUGH_MS = 3000 };

static _Atomic int over;
static _Atomic int lost;

static void *opener(void *nothing)
{
	while (!over) {
		int fd = open("/dev/null", O_RDONLY);
		if (fd < 0)
			continue;
		sched_yield();
		lost += close(fd) != 0;
	}
	return nothing;
}

int main(int count, char **arguments)
{
	must(count == 2);
	at_most_a_minute();
	int listener = listener_for(AF_INET, 0);
	pthread_t thread = start_thread(opener, NULL);
	long start = now_ms();
	for (int round = 0; round < ROUNDS && now_ms() - start < LONG_ENOUGH_MS; round++) {
		int client = connect_to(port_of(listener));
		leave_by(arguments[1], accept_one(listener));
		lost += close(client) != 0;
	}
	over = 1;
	pthread_join(thread, NULL);
	say("lost: %d", lost);
	return 0;
}
