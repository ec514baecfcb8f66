/* A handler on a small alternate stack, above a guard page, closes a descriptor:
 * what the kernel's frame needs, and a little for the handler.
 *
 * small_signal_stack (file|tcp) */
#include "round_trip.h"
#include <sys/mman.h>

enum { FOR_A_FILE = 1100, FOR_A_CONNECTION = 2500, PAGE = 4096, PAGES = 16 };

static int fd, closed = -1;

static void on_signal(int number)
{
	(void)number;
	closed = close(fd);
}

/* Resolved now: the loader's first look at a symbol needs more than that. */
static void resolve_close(void) { must(close(open("/dev/null", O_RDONLY)) == 0); }

static void use_small_stack(size_t for_the_handler)
{
	long frame = sysconf(_SC_MINSIGSTKSZ);
	size_t size = (frame > 0 ? frame : 2048) + for_the_handler;
	char *room = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(room != MAP_FAILED && size <= (PAGES - 1) * PAGE && mprotect(room, PAGE, PROT_NONE) == 0);
	stack_t stack = {.ss_sp = room + PAGE, .ss_size = size};
	must(sigaltstack(&stack, NULL) == 0);
}

int main(int count, char **arguments)
{
	int pair[2];
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	int is_connection = !strcmp(arguments[1], "tcp");
	fd = is_connection ? pair[1] : open("/dev/null", O_RDONLY);
	resolve_close();
	use_small_stack(is_connection ? FOR_A_CONNECTION : FOR_A_FILE);
	must(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0);
	say("close: %d", closed);
	return 0;
}
