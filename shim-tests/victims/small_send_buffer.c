/* A thread is blocked in a write, with a small send buffer. The peer takes what there is, which
 * wakes it, and the connection is closed in that instant. The call goes on to its end.
 *
 * small_send_buffer SIZE */
#include "victim.h"
#include <sched.h>

enum { ROUNDS = 10, ANSWER = 300000 };

static int pair[2];
static _Atomic pid_t writer;

static void *write_all(void *unused)
{
	static char answer[ANSWER];
	writer = syscall(SYS_gettid);
	(void)!write(pair[1], answer, sizeof answer);
	return unused;
}

static int is_whole(int size)
{
	static char text[ANSWER];
	ssize_t count, total;
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
	writer = 0;
	pthread_t thread = start_thread(write_all, NULL);
	for (int asleep = 0; asleep < 3; asleep = writer && sleeps(writer) ? asleep + 1 : 0)
		poll(NULL, 0, 10);
	total = recv(pair[0], text, sizeof text, 0);
	must(total > 0 && close(pair[1]) == 0);
	while ((count = recv(pair[0], text, sizeof text, 0)) > 0)
		total += count;
	must(close(pair[0]) == 0 && pthread_join(thread, NULL) == 0);
	return total == ANSWER;
}

int main(int count, char **arguments)
{
	int whole = 0;
	must(count == 2);
	at_most_a_minute();
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < ROUNDS; i++)
		whole += is_whole(atoi(arguments[1]));
	say("whole: %d of %d", whole, ROUNDS);
	return 0;
}
