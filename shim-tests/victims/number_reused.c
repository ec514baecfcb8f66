/* A connection is answered and closed, behind more than a little that its peer has not
 * acknowledged. The next one gets its number, and its thread waits in a write, or in sendfile, for
 * a peer that reads nothing. When does the first peer see the end?
 *
 * number_reused (write|sendfile) */
#include "lingers.h"
#include <sys/mman.h>
#include <sys/sendfile.h>

enum { MUCH = 64 << 20, SECOND_MS = 1000 };

static int slow[2], number;
static _Atomic int is_moved;
static const char *way;

static void *write_much(void *unused)
{
	int file = memfd_create("much", MFD_CLOEXEC);
	must(file >= 0 && ftruncate(file, MUCH) == 0);
	void *much = mmap(NULL, MUCH, PROT_READ, MAP_SHARED, file, 0);
	must(much != MAP_FAILED);
	while (!is_moved)
		sched_yield();
	ssize_t count = strcmp(way, "write") ? sendfile(number, file, NULL, MUCH) : write(number, much, MUCH);
	must(count < 0);
	return unused;
}

int main(int count, char **arguments)
{
	static char text[65536];
	int pair[2];
	must(count == 2);
	at_most_a_minute();
	way = arguments[1];
	tcp_pair(slow);
	tcp_pair(pair);
	number = pair[1];
	answer_unread(number);
	start_thread(write_much, NULL);
	must(close(number) == 0 && dup2(slow[1], number) == number);
	is_moved = 1;
	long start = now_ms();
	while (recv(pair[0], text, sizeof text, 0) > 0)
		;
	say("the end: %s", now_ms() - start < SECOND_MS ? "soon" : "late");
	_exit(0);
}
