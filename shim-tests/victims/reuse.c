/* A program closes connections whose peers say nothing, becomes a child or a daemon
 * or stays what it is, closes every number, and opens its own on all of them. What
 * it has there is intact a while later: no byte is missing, no socket is shut.
 *
 * reuse (here|child|daemon) WAY; see close_all.h */
#include "close_all.h"
#include "round_trip.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { CONNECTIONS = 8, MOST = 256 };

struct pair {
	int from, to, is_socket;
};

static struct pair pairs[MOST];
static int files[MOST], number_of_pairs, number_of_files;

static int next_number(void)
{
	int fd = dup(0);
	if (fd >= 0)
		close(fd);
	return fd;
}

static struct pair new_pair(int kind)
{
	int ends[2];
	if (kind == 0)
		tcp_pair(ends);
	else if (kind == 1)
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	else
		must(pipe(ends) == 0);
	int is_socket = kind != 2;
	struct pair pair = {ends[is_socket ? 0 : 1], ends[is_socket ? 1 : 0], is_socket};
	must(write(pair.from, "there", 5) == 5);
	must(!is_socket || write(pair.to, "back", 4) == 4);
	return pair;
}

static void fill(int limit)
{
	for (int fd = next_number(); fd >= 0 && fd < limit - 4; fd = next_number()) {
		pairs[number_of_pairs] = new_pair(number_of_pairs % 3);
		number_of_pairs++;
	}
	for (int fd; (fd = memfd_create("file", 0)) >= 0;) {
		must(write(fd, "file", 4) == 4 && lseek(fd, 0, SEEK_SET) == 0);
		files[number_of_files++] = fd;
	}
}

static void look_at_pair(struct pair pair)
{
	char text[8];
	must(read(pair.to, text, sizeof text) == 5 && !memcmp(text, "there", 5));
	if (!pair.is_socket)
		return;
	must(read(pair.from, text, sizeof text) == 4 && !memcmp(text, "back", 4));
	const char *wrong = round_trip(pair.from, pair.to);
	if (strcmp(wrong, "works"))
		die(wrong);
}

static void look_at_all(void)
{
	char text[8];
	for (int at = 0; at < number_of_pairs; at++)
		look_at_pair(pairs[at]);
	for (int at = 0; at < number_of_files; at++)
		must(read(files[at], text, sizeof text) == 4 && !memcmp(text, "file", 4));
}

static void close_and_open(const char *way)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	must(limit.rlim_cur <= MOST);
	close_all(way, 3, limit.rlim_cur);
	must(next_number() == 3);
	fill(limit.rlim_cur);
	say("filled %d", (int)getpid());
	hear();
	look_at_all();
	say("intact: %d", 2 * number_of_pairs + number_of_files);
}

static void become_daemon(void)
{
	for (int turn = 0; turn < 2; turn++) {
		if (fork() != 0)
			_exit(0);
		setsid();
	}
	at_most_a_minute();
}

int main(int count, char **arguments)
{
	must(count == 3);
	const char *where = arguments[1];
	int listener = listen_tcp(), conns[CONNECTIONS];
	for (int at = 0; at < CONNECTIONS; at++)
		conns[at] = accept_one(listener);
	for (int at = 0; at < CONNECTIONS; at++) {
		respond(conns[at], 0, read_request(conns[at]));
		must(close(conns[at]) == 0);
	}
	pid_t child = !strcmp(where, "child") ? fork() : 0;
	if (child)
		return wait_for_child(child), 0;
	if (!strcmp(where, "daemon"))
		become_daemon();
	close_and_open(arguments[2]);
	return 0;
}
