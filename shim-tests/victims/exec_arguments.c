/* Every exec passes on the arguments and the environment that it was given, be
 * they few or many, with a connection to finish before it. */
#include "image.h"

#define TEN(word) word "0", word "1", word "2", word "3", word "4", word "5", word "6", word "7", word "8", word "9"
#define FORTY TEN("a"), TEN("b"), TEN("c"), TEN("d")

static char *const forty[] = {"look", FORTY, NULL}, *const few[] = {"look", "one", NULL};
static char *const environment[] = {"MARK=given", NULL};

static const char *mark(void) { return getenv("MARK") ? getenv("MARK") : "none"; }

static void look(int count, char **arguments)
{
	unsigned sum = 0;
	for (int at = 0; at < count; at++)
		for (const char *text = arguments[at]; *text; text++)
			sum = sum * 31 + (unsigned char)*text;
	say("  %d arguments, sum %u, MARK %s", count, sum, mark());
}

/* In a child of its own, with a connection that the exec closes. */
#define try(call) \
	do { \
		say("%s", #call); \
		pid_t child = fork(); \
		if (child == 0) { \
			int pair[2]; \
			tcp_pair(pair); \
			close_on_exec(pair[0]); \
			close_on_exec(pair[1]); \
			(void)(call); \
			die("exec"); \
		} \
		wait_for_child(child); \
	} while (0)

int main(int count, char **arguments)
{
	if (!strcmp(arguments[0], "look")) {
		look(count, arguments);
		return 0;
	}
	const char *path = this_program();
	int self = open(path, O_RDONLY);
	at_most_a_minute();
	must(setenv("MARK", "inherited", 1) == 0);
	try(execve(path, forty, environment));
	try(execve(path, few, environ));
	try(execv(path, forty));
	try(execvp(path, forty));
	try(execvpe(path, forty, environment));
	try(execl(path, "look", NULL));
	try(execl(path, "look", "1", "2", "3", "4", NULL));
	try(execl(path, "look", "1", "2", "3", "4", "5", NULL));
	try(execl(path, "look", FORTY, NULL));
	try(execlp(path, "look", FORTY, NULL));
	try(execle(path, "look", NULL, environment));
	try(execle(path, "look", "1", "2", "3", NULL, environment));
	try(execle(path, "look", FORTY, NULL, environment));
	try(fexecve(self, forty, environment));
	try(execveat(self, "", forty, environment, AT_EMPTY_PATH));
	try(execveat(AT_FDCWD, path, forty, environment, 0));
	try(syscall(SYS_execve, path, forty, environment));
	try(syscall(SYS_execveat, self, "", forty, environment, AT_EMPTY_PATH));
	return 0;
}
