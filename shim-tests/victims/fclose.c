/* The response goes through stdio, and fclose writes out what is left of it.
 *
 * fclose HOW KIB: with a buffer of that size, by
 *	w		one stream
 *	r+		one stream for both directions
 *	reader-first	in = fdopen(s, "r"), out = fdopen(dup(s), "w")
 *	writer-first	the same, closed in the other order
 *	request		the same, and the request is read through `in`
 *	thread		one stream, closed by a thread */
#include "stream.h"

static void *closer(void *stream)
{
	must(fclose(stream) == 0);
	return NULL;
}

static void one_stream(int conn, const char *how, size_t buffer)
{
	size_t response = read_request(conn);
	FILE *stream = stream_of(conn, strcmp(how, "r+") ? "w" : "r+", buffer);
	print_response(stream, response);
	if (!strcmp(how, "thread"))
		pthread_join(start_thread(closer, stream), NULL);
	else
		must(fclose(stream) == 0);
}

static size_t read_request_through(FILE *in)
{
	char line[128];
	size_t response;
	must(fgets(line, sizeof line, in) && sscanf(line, "GO %zu", &response) == 1);
	return response;
}

static void two_streams(int conn, const char *how, size_t buffer)
{
	FILE *in = stream_of(conn, "r", buffer), *out = stream_of(dup(conn), "w", buffer);
	int writer_first = !strcmp(how, "writer-first");
	print_response(out, strcmp(how, "request") ? read_request(conn) : read_request_through(in));
	must(fclose(writer_first ? out : in) == 0);
	must(fclose(writer_first ? in : out) == 0);
}

int main(int count, char **arguments)
{
	must(count == 3);
	const char *how = arguments[1];
	size_t buffer = (size_t)atoi(arguments[2]) << 10;
	int conn = accept_one(listen_tcp());
	if (!strcmp(how, "w") || !strcmp(how, "r+") || !strcmp(how, "thread"))
		one_stream(conn, how, buffer);
	else
		two_streams(conn, how, buffer);
	say("closed");
	wait_for_the_end();
	return 0;
}
