/* A client that has seen enough of an answer that never ends: it prints what it has, and
 * ends, as `curl | head` does.
 *
 * client_ends WAY PORT */
#include "ending.h"

int main(int count, char **arguments)
{
	char room[100];
	must(count == 3);
	at_most_a_minute();
	int conn = connect_to(atoi(arguments[2]));
	must(write(conn, "GET\n", 4) == 4);
	must(recv(conn, room, sizeof room, MSG_WAITALL) == sizeof room);
	printf("enough\n");
	return end_by(arguments[1]);
}
