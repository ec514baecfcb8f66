/* A program that this one executes with a connection hands it on to a process that is
 * older than all of it, and ends; neither is shimmed. This one closes its own. The older
 * one has not received it yet by then, or has.
 *
 * handed_on WAY (in-flight|taken) [nobody|after-exec] */
#include "image.h"
#include "passing.h"
#include "raw_clone.h"
#include <dlfcn.h>
#include <spawn.h>

static int listener, conn, link_to[2];
static char number[16], way_to[16];

/* Of everything that is executed here. */
static char **bare_environment(void)
{
	static char *words[4096];
	int kept = 0;
	for (char **word = environ; *word && kept < 4095; word++)
		if (strncmp(*word, "LD_PRELOAD=", 11))
			words[kept++] = *word;
	return words;
}

/* The executed programs. */
static void be_told(int count, char **arguments)
{
	if (count < 4 || strcmp(arguments[1], "told"))
		return;
	at_most_a_minute();
	int way = atoi(arguments[4]);
	if (!strcmp(arguments[2], "send")) {
		send_fd(way, atoi(arguments[3]), 0);
		exit(0);
	}
	char line[16], byte;
	size_t response = strtoul(arguments[3], NULL, 10);
	must(count < 6 || setuid(65534) == 0);
	if (!strcmp(arguments[2], "serve-late"))
		hear();
	int received = receive_fd(way, 0, 0);
	must(write(way, "t", 1) == 1);
	if (strcmp(arguments[2], "serve-late"))
		hear();
	read_line(received, line, sizeof line);
	respond(received, response / 2, response);
	must(read(way, &byte, 1) == 0);
	exit(0);
}

static pid_t start_older(int is_late, size_t response, int is_other)
{
	char size[32], way[16];
	snprintf(size, sizeof size, "%zu", response);
	snprintf(way, sizeof way, "%d", link_to[1]);
	char *words[] = {(char *)this_program(), "told", is_late ? "serve-late" : "serve", size, way, is_other ? "nobody" : NULL, NULL};
	const char *program = this_program();
	pid_t child = fork();
	if (child == 0) {
		must(close(link_to[0]) == 0);
		must(fcntl(link_to[1], F_SETFD, 0) == 0);
		execve(program, words, bare_environment());
		die("execve");
	}
	must(close(link_to[1]) == 0);
	return child;
}

/* "SELF told send NUMBER WAY", as a command and as words. */
static const char *command(void)
{
	static char line[4300];
	snprintf(line, sizeof line, "LD_PRELOAD= exec '%s' told send %s %s", this_program(), number, way_to);
	return line;
}

static const char *program;
static char *send_words[6];

static void execute_it(void)
{
	execve(program, send_words, bare_environment());
	_exit(98);
}

static int give_and_execute(void *nothing)
{
	(void)nothing;
	if (dup2(conn, 0) != 0)
		_exit(97);
	execute_it();
	return 0;
}

static pid_t spawn(int is_action, int is_self)
{
	posix_spawn_file_actions_t actions;
	must(posix_spawn_file_actions_init(&actions) == 0);
	if (is_action)
		must(posix_spawn_file_actions_adddup2(&actions, conn, is_self ? conn : 0) == 0);
	pid_t child;
	must(posix_spawn(&child, program, &actions, NULL, send_words, bare_environment()) == 0);
	return child;
}

/* Where this libc has none, there is none to test. */
static void spawn_by_pidfd(void)
{
	typedef int spawner(int *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const *, char *const *);
	spawner *pidfd_spawn = (spawner *)dlsym(RTLD_DEFAULT, "pidfd_spawn");
	posix_spawn_file_actions_t actions;
	siginfo_t end;
	int pidfd;
	if (!pidfd_spawn) {
		wait_for_child(spawn(1, 0));
		return;
	}
	must(posix_spawn_file_actions_init(&actions) == 0);
	must(posix_spawn_file_actions_adddup2(&actions, conn, 0) == 0);
	must(pidfd_spawn(&pidfd, program, &actions, NULL, send_words, bare_environment()) == 0);
	must(waitid(P_PIDFD, pidfd, &end, WEXITED) == 0 && end.si_status == 0 && close(pidfd) == 0);
}

static void by_child(const char *way)
{
	static char stack[1 << 16];
	pid_t child;
	if (!strcmp(way, "spawn-action") || !strcmp(way, "spawn-self") || !strcmp(way, "spawn-inherit")) {
		child = spawn(strcmp(way, "spawn-inherit"), !strcmp(way, "spawn-self"));
	} else if (!strcmp(way, "vfork")) {
		child = vfork();
		if (child == 0) {
			if (dup2(conn, 0) != 0)
				_exit(97);
			execute_it();
		}
	} else if (!strcmp(way, "clone-vfork")) {
		child = clone(give_and_execute, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	} else if (!strcmp(way, "clone")) {
		child = clone(give_and_execute, stack + sizeof stack, SIGCHLD, NULL);
	} else if (!strcmp(way, "child-spawns")) {
		child = fork();
		if (child == 0) {
			wait_for_child(spawn(1, 0));
			_exit(0);
		}
	} else {
		child = new_process(way);
		if (child == 0)
			give_and_execute(NULL);
	}
	must(child > 0);
	wait_for_child(child);
}

/* Goes on in a new image, which has the connection from the old one. */
static void go_on_executed(char *way, char *when, pid_t older)
{
	char numbers[3][16];
	snprintf(numbers[0], sizeof numbers[0], "%d", conn);
	snprintf(numbers[1], sizeof numbers[1], "%d", link_to[0]);
	snprintf(numbers[2], sizeof numbers[2], "%d", older);
	must(fcntl(conn, F_SETFD, 0) == 0);
	char *words[] = {(char *)program, way, when, "executed", numbers[0], numbers[1], numbers[2], NULL};
	execve(program, words, environ);
	die("execve");
}

static pid_t accept_and_begin(const char *when, const char *more, int is_inherited)
{
	/* Same as in src/lib.rs. */
	size_t response = 3 << 20;
	unix_pair(link_to);
	listener = listen_tcp();
	pid_t older = start_older(!strcmp(when, "in-flight"), response, !strcmp(more, "nobody"));
	conn = accept4(listener, NULL, NULL, is_inherited ? 0 : SOCK_CLOEXEC);
	must(conn >= 0 && read_request(conn) == response);
	respond(conn, 0, response / 2);
	return older;
}

int main(int count, char **arguments)
{
	be_told(count, arguments);
	must(count >= 3);
	char *way = arguments[1], *when = arguments[2], byte;
	const char *more = count > 3 ? arguments[3] : "";
	int is_late = !strcmp(when, "in-flight");
	int is_inherited = !strcmp(way, "system") || !strcmp(way, "popen") || !strcmp(way, "spawn-inherit");
	pid_t older;
	program = this_program();
	if (!strcmp(more, "executed")) {
		conn = atoi(arguments[4]);
		link_to[0] = atoi(arguments[5]);
		older = atoi(arguments[6]);
		must(is_inherited || fcntl(conn, F_SETFD, FD_CLOEXEC) == 0);
	} else {
		older = accept_and_begin(when, more, is_inherited);
		if (!strcmp(more, "after-exec"))
			go_on_executed(way, when, older);
	}
	snprintf(number, sizeof number, "%d", is_inherited || !strcmp(way, "spawn-self") ? conn : 0);
	snprintf(way_to, sizeof way_to, "%d", link_to[0]);
	char *words[] = {(char *)program, "told", "send", number, way_to, NULL};
	memcpy(send_words, words, sizeof words);
	if (!strcmp(way, "system")) {
		must(system(command()) == 0);
	} else if (!strcmp(way, "pidfd_spawn")) {
		spawn_by_pidfd();
	} else if (!strcmp(way, "popen")) {
		FILE *pipe = popen(command(), "r");
		must(pipe && pclose(pipe) == 0);
	} else {
		by_child(way);
	}
	if (!is_late)
		must(read(link_to[0], &byte, 1) == 1);
	must(close(conn) == 0);
	say("closed");
	must(!is_late || read(link_to[0], &byte, 1) == 1);
	must(close(link_to[0]) == 0);
	wait_for_child(older);
	return 0;
}
