/* glibc's fcloseall writes out and closes nothing: the connection is as open as
 * before. Then the process ends, or closes it by its number.
 *
 * fcloseall (exit|_exit|close) */
#include "ending.h"
#include "stream.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	print_response(stream_of(conn, "w", 65536), response);
	must(fcloseall() == 0);
	must(fcntl(conn, F_GETFD) >= 0);
	if (strcmp(arguments[1], "close"))
		return end_by(arguments[1]);
	must(close(conn) == 0);
	wait_for_the_end();
	return STATUS;
}
