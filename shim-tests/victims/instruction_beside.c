/* One thread makes a child by an instruction, which has the connection and sends on it later;
 * another thread closes the connection right away, after it has closed another one. */
#include "by_instruction.h"
#include "raw_clone.h"
#include <stdatomic.h>

enum { ROUNDS = 20 };

static atomic_int number = -1;

/* It sleeps, sends and ends by instructions alone. */
static void send_later(int conn)
{
	struct timespec rest = {.tv_nsec = 20000000};
	by_instruction(SYS_nanosleep, (long)&rest, 0, 0, 0);
	long done = by_instruction(SYS_write, conn, (long)pattern, 1, 0);
	by_instruction(SYS_exit_group, done == 1 ? 0 : 1, 0, 0, 0);
	__builtin_unreachable();
}

static void *close_for_others(void *nothing)
{
	(void)nothing;
	while (1) {
		int fd = atomic_load(&number);
		if (fd >= 0) {
			must(close(fd) == 0);
			atomic_store(&number, -1);
		}
	}
	return NULL;
}

static void begin(int pair[2])
{
	char byte;
	tcp_pair(pair);
	must(write(pair[1], "a", 1) == 1 && read(pair[0], &byte, 1) == 1);
}

int main(void)
{
	at_most_a_minute();
	start_thread(close_for_others, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		int first[2], pair[2], status;
		char byte;
		usleep(20000);
		begin(pair);
		begin(first);
		must(close(first[1]) == 0 && close(first[0]) == 0);
		long child = clone_by_instruction();
		must(child >= 0);
		if (child == 0)
			send_later(pair[1]);
		atomic_store(&number, pair[1]);
		while (atomic_load(&number) >= 0)
			;
		must(read(pair[0], &byte, 1) == 1);
		must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
		must(close(pair[0]) == 0);
	}
	say("done");
	_exit(0);
}
