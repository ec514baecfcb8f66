/* A server with threads returns from main, with a connection and with text that libc still
 * has to write, which takes what its threads do meanwhile. Its parent is the peer.
 *
 * exit_streams logger|lock|busy [pid1], where
 *	logger	a thread takes the text
 *	lock	a thread has a lock that the stream waits for
 *	busy	the parent takes the text when it has the response, of which a thread writes
 *		the second half meanwhile */
#include "ending.h"
#include <sched.h>
#include <semaphore.h>

enum { RESPONSE = 2 << 20, TEXT = 120000 };

static int conn, text_end;
static sem_t is_ready, is_ending;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void await(sem_t *event)
{
	while (sem_wait(event))
		;
}

static void end_begins(void) { must(sem_post(&is_ending) == 0); }

static void *take_text(void *from)
{
	char room[4096];
	must(sem_post(&is_ready) == 0);
	while (read(*(int *)from, room, sizeof room) > 0)
		;
	return NULL;
}

static void *hold_lock(void *nothing)
{
	must(pthread_mutex_lock(&lock) == 0 && sem_post(&is_ready) == 0);
	await(&is_ending);
	usleep(50000);
	must(pthread_mutex_unlock(&lock) == 0);
	return nothing;
}

static void *write_the_rest(void *nothing)
{
	must(sem_post(&is_ready) == 0);
	await(&is_ending);
	respond(conn, RESPONSE / 2, RESPONSE);
	return nothing;
}

static void *compute(void *nothing)
{
	for (;;)
		;
	return nothing;
}

static ssize_t write_locked(void *nothing, const char *text, size_t length)
{
	(void)nothing;
	must(pthread_mutex_lock(&lock) == 0);
	ssize_t count = write(text_end, text, length);
	must(pthread_mutex_unlock(&lock) == 0);
	return count;
}

/* The stream, and the thread beside it. */
static FILE *stream_for(const char *how)
{
	static int ends[2];
	cookie_io_functions_t locked = {.write = write_locked};
	if (!strcmp(how, "lock")) {
		start_thread(hold_lock, NULL);
		return fopencookie(NULL, "w", locked);
	}
	if (!strcmp(how, "logger")) {
		must(pipe(ends) == 0);
		start_thread(take_text, &ends[0]);
		return fdopen(ends[1], "w");
	}
	start_thread(write_the_rest, NULL);
	start_thread(compute, NULL);
	return fdopen(text_end, "w");
}

static int serve(int listener, const char *how)
{
	static char room[TEXT];
	conn = accept_one(listener);
	must(sem_init(&is_ready, 0, 0) == 0 && sem_init(&is_ending, 0, 0) == 0 && atexit(end_begins) == 0);
	read_request(conn);
	respond(conn, 0, RESPONSE / 2);
	FILE *stream = stream_for(how);
	must(stream && setvbuf(stream, room, _IOFBF, TEXT) == 0);
	await(&is_ready);
	for (int at = 0; at < TEXT - 1; at++)
		putc('x', stream);
	return STATUS;
}

static size_t take(int fd, size_t most)
{
	static char room[64 << 10];
	size_t taken = 0;
	ssize_t count = 1;
	while (taken < most && count > 0) {
		count = read(fd, room, sizeof room < most - taken ? sizeof room : most - taken);
		taken += count > 0 ? count : 0;
	}
	return taken;
}

int main(int count, char **arguments)
{
	int ends[2], status;
	must(count >= 2);
	const char *how = arguments[1];
	int listener = listener_for(AF_INET, 0), is_busy = !strcmp(how, "busy");
	at_most_a_minute();
	must(pipe(ends) == 0);
	if (count == 3 && unshare(CLONE_NEWPID)) {
		say("unsupported: a pid namespace");
		return 0;
	}
	pid_t child = fork();
	if (child == 0) {
		at_most_a_minute();
		close(ends[0]);
		text_end = ends[1];
		return serve(listener, how);
	}
	close(ends[1]);
	int fd = connect_to(port_of(listener));
	must(write(fd, "GO 0 0\n", 7) == 7);
	if (is_busy)
		say("response: %zu", take(fd, RESPONSE));
	if (strcmp(how, "logger"))
		say("text: %zu", take(ends[0], TEXT));
	must(waitpid(child, &status, 0) == child);
	say("status %d, signal %d", WEXITSTATUS(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}
