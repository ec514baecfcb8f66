/* A process ends that has read a line of a file by stdio, and a connection is open whose
 * peer has not got everything. Who has the same open file goes on with the next line. */
#include "ending.h"

static void read_one_and_end(int file, int conn)
{
	char line[64];
	FILE *stream = fdopen(file, "r");
	must(fgets(line, sizeof line, stream));
	respond(conn, 0, 1 << 20);
	exit(STATUS);
}

int main(void)
{
	char line[64] = {0};
	int status, pair[2];
	FILE *file = tmpfile();
	must(file && fputs("first\nsecond\nthird\n", file) > 0 && fflush(file) == 0);
	must(lseek(fileno(file), 0, SEEK_SET) == 0);
	at_most_a_minute();
	tcp_pair(pair);
	pid_t child = fork();
	if (child == 0) {
		close(pair[1]);
		read_one_and_end(fileno(file), pair[0]);
	}
	close(pair[0]);
	must(waitpid(child, &status, 0) == child);
	must(read(fileno(file), line, sizeof line - 1) > 0);
	say("status %d, then %s", WEXITSTATUS(status), strtok(line, "\n"));
	return 0;
}
