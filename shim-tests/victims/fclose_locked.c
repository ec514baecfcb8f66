/* A thread waits in fgetc, and holds the stream, when another one calls fclose:
 * that waits until the first has what it waits for. */
#include "stream.h"

static FILE *stream;
static int byte_read, closed;
static _Atomic pid_t reader_id, closer_id;

static void *reader(void *nothing)
{
	reader_id = gettid();
	byte_read = fgetc(stream);
	return nothing;
}

static void *closer(void *nothing)
{
	closer_id = gettid();
	closed = fclose(stream);
	return nothing;
}

static pthread_t asleep(void *(*work)(void *), _Atomic pid_t *id)
{
	pthread_t thread = start_thread(work, NULL);
	while (!*id || !sleeps(*id))
		sched_yield();
	return thread;
}

int main(void)
{
	int pair[2];
	char byte;
	at_most_a_minute();
	tcp_pair(pair);
	stream = stream_of(pair[1], "r+", 4096);
	pthread_t first = asleep(reader, &reader_id), second = asleep(closer, &closer_id);
	must(write(pair[0], "x", 1) == 1);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	say("fgetc: %c", byte_read);
	say("fclose: %d", closed);
	say("the peer: %s", read(pair[0], &byte, 1) == 0 ? "end" : "something else");
	return 0;
}
