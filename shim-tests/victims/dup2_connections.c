/* One connection is put over another one, which ends with that; then the first
 * one ends, on both numbers.
 *
 * dup2_connections ROAD */
#include "road.h"

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	int first = accept_one(listener), second = accept_one(listener);
	respond(first, 0, read_request(first));
	size_t response = read_request(second);
	respond(second, 0, response / 2);
	must(cover(arguments[1], second, first) == first);
	respond(first, response / 2, response);
	leave_by(arguments[1], second);
	leave_by(arguments[1], first);
	wait_for_the_end();
	return 0;
}
