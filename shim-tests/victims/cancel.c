/* A cancellation is pending when the thread calls close, which is a cancellation
 * point, or takes another road: the thread is cancelled, there or at the next
 * one, and nothing worse happens. In a flush it is there, and the stream stays
 * half closed.
 *
 * cancel (tcp|file) [ROAD|flush] */
#include "road.h"
#include <semaphore.h>

static sem_t ready, cancelled;
static int fd;
static const char *road = "close";

static void cleanup(void *nothing)
{
	(void)nothing;
	say("cleanup ran");
}

static void leave(void)
{
	if (strcmp(road, "flush"))
		return leave_by(road, fd);
	FILE *stream = fdopen(fd, "w");
	must(stream && fputs("tail", stream) >= 0);
	fclose(stream);
}

static void *closer(void *nothing)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	sem_post(&ready);
	while (sem_wait(&cancelled))
		;
	pthread_cleanup_push(cleanup, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	leave();
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return nothing;
}

int main(int count, char **arguments)
{
	must(count >= 2);
	if (count == 3)
		road = arguments[2];
	int pair[2];
	void *result;
	tcp_pair(pair);
	must(write(pair[0], "unread", 6) == 6);
	fd = strcmp(arguments[1], "tcp") ? open("/dev/null", O_RDWR) : pair[1];
	sem_init(&ready, 0, 0);
	sem_init(&cancelled, 0, 0);
	pthread_t thread = start_thread(closer, NULL);
	while (sem_wait(&ready))
		;
	must(pthread_cancel(thread) == 0);
	sem_post(&cancelled);
	must(pthread_join(thread, &result) == 0);
	say("the thread was %s", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
	return 0;
}
