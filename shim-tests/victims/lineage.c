/* A connection that comes to a program by exec, in several generations, each by another way.
 * The last one answers and never closes. The first closes its own at once.
 *
 * lineage WAY...    of vfork, spawn, fork-exec, exec (which goes on in the same process),
 *                   then serve, keep (goes on when told), ask-environment */
#include "image.h"
#include <spawn.h>

static void next(int conn, char **ways);

static char **words_for(int conn, char **ways)
{
	static char *words[16], number[16];
	int count = 0;
	snprintf(number, sizeof number, "%d", conn);
	words[count++] = (char *)this_program();
	words[count++] = "next";
	words[count++] = number;
	while (*ways && count < 15)
		words[count++] = *ways++;
	words[count] = NULL;
	return words;
}

static pid_t make(const char *way, char **words)
{
	pid_t child;
	if (!strcmp(way, "spawn")) {
		must(posix_spawn(&child, words[0], NULL, NULL, words, environ) == 0);
		return child;
	}
	child = !strcmp(way, "vfork") ? vfork() : fork();
	if (child == 0) {
		execv(words[0], words);
		_exit(99);
	}
	return child;
}

static void serve(int conn, const char *what)
{
	size_t response = read_request(conn);
	if (!strcmp(what, "keep"))
		respond_in_two(conn, response);
	else
		respond(conn, 0, response);
	exit(0);
}

/* Nothing of the way here is to be seen. */
static void ask_environment(int conn)
{
	size_t count = 0;
	char text[1 << 16];
	for (char **word = environ; *word; word++, count++)
		must(strncmp(*word, "SOFTCLOSE_", 10));
	int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, text, sizeof text);
	must(size > 0 && !memmem(text, size, "LINEAGE", 7) && close(fd) == 0);
	must(dup(conn) == fd);
	must(close(fd) == 0);
	serve(conn, "serve");
}

static void next(int conn, char **ways)
{
	if (!strcmp(*ways, "serve") || !strcmp(*ways, "keep"))
		serve(conn, *ways);
	if (!strcmp(*ways, "ask-environment"))
		ask_environment(conn);
	char **words = words_for(conn, ways + 1);
	if (!strcmp(*ways, "exec")) {
		execv(words[0], words);
		die("execv");
	}
	pid_t child = make(*ways, words);
	must(child > 0);
	must(close(conn) == 0);
	say("closed");
	wait_for_child(child);
	exit(0);
}

int main(int count, char **arguments)
{
	must(count >= 3);
	at_most_a_minute();
	if (!strcmp(arguments[1], "next"))
		next(atoi(arguments[2]), arguments + 3);
	int conn = accept_one(listen_tcp());
	next(conn, arguments + 1);
}
