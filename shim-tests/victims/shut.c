/* An early answer, and then shutdowns and closes as told, each a word:
 *
 * shut (respond|RD|WR|RDWR|SYS_RD|...|exit|_exit|ROAD)... */
#include "ending.h"
#include "road.h"
#include "shutting.h"

static void follow(const char *word, int conn, size_t response)
{
	if (!strcmp(word, "respond"))
		respond(conn, 0, response);
	else if (strstr(word, "RD") || strstr(word, "WR"))
		must(shut_by(word, conn) == 0);
	else if (strstr(word, "exit"))
		end_by(word);
	else
		leave_by(word, conn);
}

int main(int count, char **arguments)
{
	left_if_told(count, arguments);
	int conn = accept_one(listen_tcp());
	size_t response = read_request(conn);
	for (int at = 1; at < count; at++)
		follow(arguments[at], conn, response);
	say("closed");
	wait_for_the_end();
	return 0;
}
