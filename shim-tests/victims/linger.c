/* SO_LINGER{1,n} waits in close until everything is acknowledged, and no longer:
 * not for the peer's FIN, not beyond a signal, not where something is unread, which is a
 * reset natively, and not beyond n seconds.
 *
 * linger (acknowledged|interrupted|unread|second) [ROAD]; the last with n = 1 */
#include "road.h"

enum { LINGER_S = 30, SOON_MS = 10000 };

static void on_signal(int number) { (void)number; }

static void fill(int fd)
{
	while (send(fd, pattern, sizeof pattern, MSG_DONTWAIT) > 0)
		;
}

/* Again and again: the first may come before the close. */
static void signals_from_now_on(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec every = {.it_value.tv_nsec = 100000000, .it_interval.tv_nsec = 100000000};
	timer_t timer;
	must(sigaction(SIGUSR1, &action, NULL) == 0);
	must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	must(timer_settime(timer, 0, &every, NULL) == 0);
}

/* A second is not much less than a second; a busy machine adds to it. */
static const char *length_of(long waited, int one_second)
{
	if (one_second && waited < 900)
		return "too soon";
	return waited < SOON_MS ? "soon" : "late";
}

int main(int count, char **arguments)
{
	int pair[2];
	must(count >= 2);
	int one_second = !strcmp(arguments[1], "second");
	struct linger linger = {.l_onoff = 1, .l_linger = one_second ? 1 : LINGER_S};
	at_most_a_minute();
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	if (!strcmp(arguments[1], "unread")) {
		must(write(pair[0], "more", 4) == 4);
		await_unread(pair[1], 4);
	}
	if (strcmp(arguments[1], "acknowledged"))
		fill(pair[1]);
	else
		respond(pair[1], 0, 64);
	if (!strcmp(arguments[1], "interrupted"))
		signals_from_now_on();
	long start = now_ms();
	if (count == 3)
		leave_by(arguments[2], pair[1]);
	else
		say("close: %d", close(pair[1]));
	say("%s", length_of(now_ms() - start, one_second));
	return 0;
}
