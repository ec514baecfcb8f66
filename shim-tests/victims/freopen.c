/* The response goes through stdio, and freopen ends the connection: whether the
 * file can be opened or not, the stream is closed first.
 *
 * freopen (freopen|freopen64|missing|NULL|stderr) */
#include "stream.h"

/* A daemon's way: the stream keeps its number. */
static void standard_error(int conn)
{
	size_t response = read_request(conn);
	int kept = dup(2);
	must(kept >= 0 && dup2(conn, 2) == 2 && close(conn) == 0);
	must(setvbuf(stderr, NULL, _IOFBF, 65536) == 0);
	print_response(stderr, response);
	must(freopen("/dev/null", "w", stderr) == stderr && fileno(stderr) == 2);
	must(dup2(kept, 2) == 2 && close(kept) == 0);
}

static void new_stream(int conn, const char *how)
{
	FILE *out = stream_of(conn, "w", 65536);
	print_response(out, read_request(conn));
	if (!strcmp(how, "freopen"))
		must(freopen("/dev/null", "w", out) == out && fileno(out) == conn);
	else if (!strcmp(how, "freopen64"))
		must(freopen64("/dev/null", "w", out) == out && fileno(out) == conn);
	else
		must(!freopen(strcmp(how, "NULL") ? "/no/such/file" : NULL, "w", out));
}

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	if (!strcmp(arguments[1], "stderr"))
		standard_error(conn);
	else
		new_stream(conn, arguments[1]);
	say("closed");
	wait_for_the_end();
	return 0;
}
