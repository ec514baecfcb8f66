/* A program that never closes a TCP socket, though it has some: nothing may be
 * started for it. */
#include "entries.h"

static void look(void)
{
	const char *const paths[] = {"/proc/self/task", "/proc/self/fd"};
	for (int at = 0; at < 2; at++)
		say("%s: %d entries", paths[at], entries(paths[at]));
}

int main(void)
{
	int listener = listener_for(AF_INET, 0), pipes[2];
	look();
	int client = connect_to(port_of(listener)), server = accept_one(listener);
	must(write(client, "unread", 6) == 6 && write(server, "unread", 6) == 6);
	must(pipe(pipes) == 0 && close(pipes[0]) == 0 && close(pipes[1]) == 0);
	must(close(dup(client)) == 0);
	must(close(open("/dev/null", O_RDONLY)) == 0);
	look();
	/* Has threads of its own been the only ones? unshare says so. */
	say("unshare(CLONE_FS | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM): %ld", syscall(SYS_unshare, 0x200 | 0x10000 | 0x800 | 0x100));
	return 0;
}
