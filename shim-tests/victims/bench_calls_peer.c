/* N connections, one after the other. `stay`: all stay open. `first`: closes each at
 * once. `answer`: closes each when its peer has. `byte`: the same, with a byte sent. */
#include "bench.h"

int main(int count, char **arguments)
{
	must(count == 4);
	at_most_an_hour();
	const char *manner = arguments[3];
	for (int at = atoi(arguments[2]); at > 0; at--) {
		int conn = connect_to(atoi(arguments[1]));
		if (!strcmp(manner, "stay"))
			continue;
		must(strcmp(manner, "byte") || write(conn, "b", 1) == 1);
		if (strcmp(manner, "first"))
			while (read_byte(conn))
				;
		must(close(conn) == 0);
	}
	say("done");
	wait_for_the_end();
	return 0;
}
