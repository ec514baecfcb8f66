/* The process is to be notified of a message. Beside another thread it closes a connection, behind
 * more than a little that its peer has not acknowledged; then the message comes.
 *
 * notified */
#include "lingers.h"
#include <mqueue.h>

enum { SECONDS = 2 };

static void *idle(void *unused)
{
	pause();
	return unused;
}

static mqd_t queue(void)
{
	char name[32];
	struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 1};
	snprintf(name, sizeof name, "/victim-%d", (int)getpid());
	mqd_t made = mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attributes);
	must(made >= 0 && mq_unlink(name) == 0);
	return made;
}

int main(void)
{
	static char text[65536];
	int pair[2];
	sigset_t wanted;
	struct timespec soon = {.tv_sec = SECONDS};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	at_most_a_minute();
	must(sigemptyset(&wanted) == 0 && sigaddset(&wanted, SIGUSR1) == 0);
	must(pthread_sigmask(SIG_BLOCK, &wanted, NULL) == 0);
	mqd_t messages = queue();
	must(mq_notify(messages, &event) == 0);
	start_thread(idle, NULL);
	tcp_pair(pair);
	answer_unread(pair[1]);
	must(close(pair[1]) == 0);
	while (recv(pair[0], text, sizeof text, 0) > 0)
		;
	must(mq_send(messages, "", 1, 0) == 0);
	say("the notification: %s", sigtimedwait(&wanted, NULL, &soon) == SIGUSR1 ? "came" : "is lost");
	_exit(0);
}
