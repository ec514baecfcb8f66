/* The response is in a stdio buffer at the return from main. libc flushes it
 * after every destructor: a socket that was half-closed in one loses it all. */
#include "ending.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	FILE *stream = fdopen(conn, "w");
	must(stream && setvbuf(stream, malloc(response + 1), _IOFBF, response + 1) == 0);
	for (size_t at = 0; at < response; at++)
		must(fputc(at % PERIOD, stream) != EOF);
	return STATUS;
}
