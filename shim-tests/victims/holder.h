/* For victims whose connection goes on in another process image: the program
 * executes itself as "PROGRAM hold FD", and that serves on FD. */
#ifndef HOLDER_H
#define HOLDER_H

#include "image.h"

/* First in main: in the executed image this serves and never returns. The word
 * of the test comes first, so that the other side has closed by then. */
static UNUSED void hold_if_told(int count, char **arguments)
{
	if (count != 3 || strcmp(arguments[1], "hold"))
		return;
	at_most_a_minute();
	int conn = atoi(arguments[2]);
	hear();
	respond_in_two(conn, read_request(conn));
	exit(0);
}

/* A shell command that holds `fd`. */
static UNUSED const char *hold_command(int fd)
{
	static char command[4200];
	snprintf(command, sizeof command, "exec '%s' hold %d", this_program(), fd);
	return command;
}

#endif
