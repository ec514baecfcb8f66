/* SO_LINGER{1,n} waits in close until everything is acknowledged, and no longer:
 * not for the peer's FIN, and not beyond a signal.
 *
 * linger (acknowledged|interrupted) */
#include "victim.h"

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

int main(int count, char **arguments)
{
	int pair[2];
	struct linger linger = {.l_onoff = 1, .l_linger = LINGER_S};
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	must(setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
	if (!strcmp(arguments[1], "interrupted")) {
		fill(pair[1]);
		signals_from_now_on();
	} else {
		respond(pair[1], 0, 64);
	}
	long start = now_ms();
	say("close: %d", close(pair[1]));
	say("%s", now_ms() - start < SOON_MS ? "soon" : "late");
	return 0;
}
