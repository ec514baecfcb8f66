/* A connection is closed by a range of an instruction, which nobody sees, and its
 * number is taken by the next one. That one has a copy, of which one is closed. */
#include "range.h"
#include "round_trip.h"

int main(void)
{
	int pair[2];
	at_most_a_minute();
	tcp_pair(pair);
	int listener = listener_for(AF_INET, 0), client = connect_to(port_of(listener));
	close_all("instruction", pair[1], pair[1]);
	int conn = accept_one(listener), copy = dup(conn);
	must(conn == pair[1] && close(conn) == 0);
	say("copy: %s", round_trip(copy, client));
	return 0;
}
