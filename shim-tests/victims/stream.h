/* The response through stdio. */
#ifndef STREAM_H
#define STREAM_H

#include "victim.h"

static UNUSED FILE *stream_of(int fd, const char *mode, size_t buffer)
{
	FILE *stream = fdopen(fd, mode);
	must(stream);
	must(setvbuf(stream, malloc(buffer), _IOFBF, buffer) == 0);
	return stream;
}

/* The last part of it stays in the buffer. */
static UNUSED void print_response(FILE *stream, size_t response)
{
	for (size_t from = 0; from < response;) {
		size_t phase = from % PERIOD, room = 1000;
		size_t size = response - from < room ? response - from : room;
		must(fwrite(pattern + phase, 1, size, stream) == size);
		from += size;
	}
}

#endif
