/* A thread waits in the middle of send() when another closes the descriptor. The
 * kernel keeps the connection until the send is done, and so the peer gets all
 * of it.
 *
 * thread_sends [nobody]: having given up its privileges before */
#include "round_trip.h"

static int conn;
static size_t response;
static _Atomic pid_t sender_id;

static void *sender(void *nothing)
{
	(void)nothing;
	char *whole = malloc(response);
	for (size_t at = 0; at < response; at++)
		whole[at] = at % PERIOD;
	sender_id = gettid();
	ssize_t count = send(conn, whole, response, MSG_NOSIGNAL);
	say("sent %zd errno %d", count, count < 0 ? errno : 0);
	return NULL;
}

/* Nobody else writes: when the buffer is full, the one send is what waits. */
static void wait_until_blocked(void)
{
	struct pollfd poll_fd = {.fd = conn, .events = POLLOUT};
	while (poll(&poll_fd, 1, 0) == 1 || !sleeps(sender_id))
		sched_yield();
}

int main(int count, char **arguments)
{
	(void)arguments;
	int small = 64 << 10;
	int listener = listen_tcp();
	if (count == 2 && setuid(65534))
		unsupported("setuid");
	conn = accept_one(listener);
	must(setsockopt(conn, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
	response = read_request(conn);
	pthread_t thread = start_thread(sender, NULL);
	wait_until_blocked();
	must(close(conn) == 0);
	say("closed");
	pthread_join(thread, NULL);
	wait_for_the_end();
	return 0;
}
