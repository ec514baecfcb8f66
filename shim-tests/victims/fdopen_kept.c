/* As many programs do: dup for a second stdio stream, one for reading and one
 * for writing, and fclose of the first. */
#include "victim.h"

int main(void)
{
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	FILE *reader = fdopen(conn, "r"), *writer = fdopen(dup(conn), "w");
	must(reader && writer);
	must(fclose(reader) == 0);
	respond_in_two(fileno(writer), response);
	must(fclose(writer) == 0);
	wait_for_the_end();
	return 0;
}
