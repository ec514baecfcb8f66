/* A thread is blocked in send() for room. The peer makes room, and so it is woken, but another
 * process has the processor on which alone it may run. Meanwhile another thread closes the
 * descriptor. It goes on when its turn comes, as the kernel has promised it.
 *
 * writer_waits_its_turn */
#include "round_trip.h"
#include "pinned.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { WHOLE = 4 << 20, SPIN_MS = 300 };

static int pair[2];
static char data[WHOLE];
static _Atomic pid_t sender_id;

static void *sender(void *nothing)
{
	struct sched_param none = {0};
	pin(processor(1));
	/* Where the spinner cannot have real-time priority. With it, other processes must not starve the
	 * sender when the spinner has ended. */
	if (geteuid() != 0)
		must(sched_setscheduler(0, SCHED_IDLE, &none) == 0);
	sender_id = gettid();
	ssize_t count = send(pair[1], data, WHOLE, MSG_NOSIGNAL);
	say("sent %zd errno %d", count, count < 0 ? errno : 0);
	return nothing;
}

static void wait_until_blocked(void)
{
	struct pollfd poll_fd = {.fd = pair[1], .events = POLLOUT};
	while (!sender_id || poll(&poll_fd, 1, 0) == 1 || !sleeps(sender_id))
		usleep(1000);
}

/* Takes the processor of the sender for itself, when it is told to, and says so. */
static void spin(int tell)
{
	char byte;
	struct sched_param priority = {.sched_priority = 1};
	at_most_a_minute();
	pin(processor(1));
	must(read(tell, &byte, 1) == 1);
	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		must(nice(-5) != 99);
	must(write(tell, "x", 1) == 1);
	for (long until = now_ms() + SPIN_MS; now_ms() < until;)
		;
	_exit(0);
}

/* Before there is a connection that it could hold. */
static pid_t start_spinner(int *told)
{
	int ends[2];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	pid_t child = fork();
	if (child == 0)
		spin(ends[1]);
	*told = ends[0];
	return child;
}

static size_t take(size_t most)
{
	static char room[1 << 16];
	size_t total = 0;
	while (total < most) {
		ssize_t count = read(pair[0], room, sizeof room);
		must(count >= 0);
		if (count == 0)
			break;
		total += count;
	}
	return total;
}

/* Until the sender is woken, and not much more: most of what is queued stays there. */
static size_t make_room(void)
{
	struct pollfd poll_fd = {.fd = pair[1], .events = POLLOUT};
	size_t total = 0;
	while (poll(&poll_fd, 1, 0) != 1)
		total += take(1);
	return total;
}

int main(void)
{
	at_most_a_minute();
	must(sched_getaffinity(0, sizeof at_start, &at_start) == 0);
	if (CPU_COUNT(&at_start) < 2) {
		errno = ENODEV;
		unsupported("two processors");
	}
	/* The peer's window stays small: else all that is queued may be acknowledged before the close. */
	int spinner, room = 1 << 20, window = 32 << 10, queued = 0;
	char byte;
	pid_t child = start_spinner(&spinner);
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
	must(setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &window, sizeof window) == 0);
	pthread_t thread = start_thread(sender, NULL);
	wait_until_blocked();
	pin(processor(0));
	must(write(spinner, "x", 1) == 1 && read(spinner, &byte, 1) == 1);
	size_t total = make_room();
	int woken = !sleeps(sender_id);
	must(ioctl(pair[1], SIOCOUTQ, &queued) == 0);
	must(close(pair[1]) == 0);
	usleep(100000);
	say("woken: %d, queued: %s", woken, queued > 16 << 10 ? "much" : "little");
	total += take(WHOLE + 1 - total);
	pthread_join(thread, NULL);
	wait_for_child(child);
	say("all: %d", total == WHOLE);
	_exit(0);
}
