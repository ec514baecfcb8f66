/* A connection is shut down by one of those who hold it, and whoever else holds
 * it reads its end. The peer stays silent.
 *
 * shut_shared WORD WHO
 *	child		a child that waits already
 *	parent		the parent waits, a child shuts down
 *	vfork		the parent, after a vfork child has shut down
 *	forked-after	a child that is made after it
 *	orphan		the same, and the parent ends at once
 *	copy		a copy, when the number that was shut down is closed
 *	covered		the same, and the number is covered by dup2
 *	ranged		the same, and it is closed by close_range
 *	by-instruction	the same, and it is closed by an instruction
 *	passed		a process that it is sent to, when all else is closed
 *	executed	the new image of an exec, which comes right after it */
#include "passing.h"
#include "range.h"
#include "shutting.h"

static const char *word;

static void say_end(int fd) { say("recv: %s", end_of(fd)); }

/* The child is inside recv, as far as can be told. */
static void shut_when_asleep(pid_t child, int fd)
{
	char path[64], text[256];
	do {
		snprintf(path, sizeof path, "/proc/%d/stat", child);
		int stat = open(path, O_RDONLY);
		ssize_t count = read(stat, text, sizeof text - 1);
		must(close(stat) == 0 && count > 0);
		text[count] = 0;
	} while (strrchr(text, ')')[2] != 'S');
	must(shut_by(word, fd) == 0);
}

static void shut_in_parent(int fd)
{
	pid_t child = fork();
	if (child == 0) {
		say_end(fd);
		_exit(0);
	}
	shut_when_asleep(child, fd);
	wait_for_child(child);
}

static void shut_in_child(int fd, int by_vfork)
{
	pid_t child = by_vfork ? vfork() : fork();
	if (child == 0) {
		shut_by(word, fd);
		_exit(0);
	}
	say_end(fd);
	wait_for_child(child);
}

static void shut_then_fork(int fd, int parent_ends)
{
	must(shut_by(word, fd) == 0);
	pid_t child = fork();
	if (child == 0) {
		say_end(fd);
		_exit(0);
	}
	if (parent_ends)
		_exit(0);
	wait_for_child(child);
}

static void shut_then_leave(int fd, const char *road)
{
	int copy = dup(fd);
	must(copy >= 0 && shut_by(word, fd) == 0);
	if (!strcmp(road, "instruction"))
		close_all(road, fd, fd);
	else
		leave_by(road, fd);
	say_end(copy);
}

static void shut_then_pass(int fd)
{
	int link[2];
	unix_pair(link);
	pid_t child = fork();
	if (child == 0) {
		must(close(fd) == 0);
		say_end(receive_fd(link[1], 0, 0));
		_exit(0);
	}
	must(shut_by(word, fd) == 0);
	send_fd(link[0], fd, 0);
	must(close(fd) == 0);
	wait_for_child(child);
}

static void shut_then_execute(int fd)
{
	char number[16];
	snprintf(number, sizeof number, "%d", fd);
	char *arguments[] = {(char *)this_program(), "image", number, NULL};
	must(shut_by(word, fd) == 0);
	execute("execve", arguments[0], arguments);
	die("execve");
}

int main(int count, char **arguments)
{
	must(count == 3);
	if (!strcmp(arguments[1], "image")) {
		say_end(atoi(arguments[2]));
		return 0;
	}
	int pair[2];
	const char *who = arguments[2];
	word = arguments[1];
	at_most_a_minute();
	tcp_pair(pair);
	if (!strcmp(who, "child"))
		shut_in_parent(pair[1]);
	else if (!strcmp(who, "parent") || !strcmp(who, "vfork"))
		shut_in_child(pair[1], !strcmp(who, "vfork"));
	else if (!strcmp(who, "forked-after") || !strcmp(who, "orphan"))
		shut_then_fork(pair[1], !strcmp(who, "orphan"));
	else if (!strcmp(who, "copy"))
		shut_then_leave(pair[1], "close");
	else if (!strcmp(who, "covered"))
		shut_then_leave(pair[1], "dup2");
	else if (!strcmp(who, "ranged"))
		shut_then_leave(pair[1], "close_range");
	else if (!strcmp(who, "by-instruction"))
		shut_then_leave(pair[1], "instruction");
	else if (!strcmp(who, "passed"))
		shut_then_pass(pair[1]);
	else if (!strcmp(who, "executed"))
		shut_then_execute(pair[1]);
	else
		must(!"a word that is known");
	return 0;
}
