/* A legacy server, for `make demo` where there is no Python: it answers at the
 * end of the head that the body is too large, and closes without having read
 * any of it. One connection after the other. */
#include "victim.h"

static const char body[] = "The body of this request is larger than this server takes.\n";

static void read_head(int conn)
{
	char line[1024];
	do
		read_line(conn, line, sizeof line);
	while (line[0] && line[0] != '\r');
}

static void refuse(int conn)
{
	dprintf(conn,
		"HTTP/1.0 413 Request Entity Too Large\r\n"
		"Connection: close\r\n"
		"Content-Type: text/plain\r\n"
		"Content-Length: %zu\r\n"
		"\r\n"
		"%s",
		strlen(body), body);
}

int main(void)
{
	int listener = listen_tcp();
	for (;;) {
		int conn = accept_one(listener);
		read_head(conn);
		refuse(conn);
		close(conn);
	}
}
