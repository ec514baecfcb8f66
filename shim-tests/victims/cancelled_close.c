/* A cancellation is pending when a thread calls close: it acts before the close. So the cleanup handler of a correct
 * program closes the number, which another thread must not have got meanwhile. */
#include "road.h"
#include <semaphore.h>

static sem_t cancelled, opened;
static int fd, closed;

static void cleanup(void *nothing)
{
	(void)nothing;
	sem_post(&cancelled);
	sem_wait(&opened);
	closed = close(fd);
}

static void *closer(void *nothing)
{
	must(pthread_cancel(pthread_self()) == 0);
	pthread_cleanup_push(cleanup, NULL);
	close(fd);
	pthread_cleanup_pop(0);
	return nothing;
}

int main(void)
{
	int pair[2];
	void *result;
	tcp_pair(pair);
	must(write(pair[0], "unread", 6) == 6 && write(pair[1], "response", 8) == 8);
	fd = pair[1];
	sem_init(&cancelled, 0, 0);
	sem_init(&opened, 0, 0);
	pthread_t thread = start_thread(closer, NULL);
	while (sem_wait(&cancelled))
		;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sem_post(&opened);
	must(pthread_join(thread, &result) == 0);
	say("cancelled: %d, the handler's close: %d", result == PTHREAD_CANCELED, closed);
	say("the other thread's file is open: %d", fcntl(file, F_GETFD) >= 0);
	return 0;
}
