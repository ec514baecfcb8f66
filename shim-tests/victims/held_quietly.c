/* Beside another thread, a server answers N peers in this process, which neither read nor
 * close, and closes. What does its process do while it holds them?
 *
 * held_quietly (full|zerocopy) N: the send buffers are full, and stay so; or the answers are
 * acknowledged, and the error queues have news that nobody reads */
#include "victim.h"
#include <dirent.h>
#include <sys/resource.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum { WATCHED_MS = 1500 };

static char data[1 << 20];

static void *sleeper(void *nothing)
{
	pause();
	return nothing;
}

static void set(int fd, int level, int name, int value) { must(setsockopt(fd, level, name, &value, sizeof value) == 0); }

static int connect_with_small_buffer(int listener)
{
	struct sockaddr_in there;
	socklen_t length = sizeof there;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	set(fd, SOL_SOCKET, SO_RCVBUF, 4096);
	must(getsockname(listener, (void *)&there, &length) == 0 && connect(fd, (void *)&there, length) == 0);
	return fd;
}

static void answer(int conn, const char *way)
{
	set(conn, SOL_SOCKET, SO_SNDBUF, 20000);
	if (!strcmp(way, "full")) {
		must(send(conn, data, sizeof data, MSG_DONTWAIT) > 0);
	} else {
		set(conn, SOL_SOCKET, SO_ZEROCOPY, 1);
		must(send(conn, data, 1000, MSG_ZEROCOPY) == 1000);
	}
}

static long switches(void)
{
	struct rusage usage;
	must(getrusage(RUSAGE_SELF, &usage) == 0);
	return usage.ru_nvcsw;
}

int main(int count, char **arguments)
{
	must(count == 3);
	at_most_a_minute();
	start_thread(sleeper, NULL);
	int listener = listener_for(AF_INET, 0), peers = atoi(arguments[2]);
	for (int at = 0; at < peers; at++) {
		connect_with_small_buffer(listener);
		int conn = accept_one(listener);
		answer(conn, arguments[1]);
		must(close(conn) == 0);
	}
	/* Whoever looks once more after a close is done by then. */
	poll(NULL, 0, 700);
	long before = switches();
	poll(NULL, 0, WATCHED_MS);
	say("switches: %s", switches() - before < 30 ? "few" : "many");
	_exit(0);
}
