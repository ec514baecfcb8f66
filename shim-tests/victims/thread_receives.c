/* A thread waits in recv() when another closes the descriptor; then the peer
 * sends. The thread gets the data, as the kernel has promised it.
 *
 * thread_receives (some|all): one line, or a whole megabyte. */
#include "victim.h"

static int conn, flags;
static char data[1 << 20];
static _Atomic pid_t receiver_id;

static void *receiver(void *nothing)
{
	receiver_id = gettid();
	ssize_t count = recv(conn, data, sizeof data, flags);
	say("received %zd", count);
	return nothing;
}

int main(int count, char **arguments)
{
	must(count == 2);
	flags = strcmp(arguments[1], "all") ? 0 : MSG_WAITALL;
	conn = accept_one(listen_tcp());
	read_request(conn);
	pthread_t thread = start_thread(receiver, NULL);
	while (!receiver_id || !sleeps(receiver_id))
		sched_yield();
	must(close(conn) == 0);
	say("closed");
	pthread_join(thread, NULL);
	wait_for_the_end();
	return 0;
}
