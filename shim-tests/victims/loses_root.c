/* A server that was started as root, and processes of its that give up root, for good or
 * for a while.
 *
 * loses_root WAY */
#include "victim.h"
#include <sys/mman.h>

enum { USER = 65534 };

static int by_number;

static void give_up_root(void)
{
	must((by_number ? syscall(SYS_setresuid, USER, USER, USER) : setuid(USER)) == 0);
}

/* What every process of this user may do to the memory that it has in common with
 * others: a few pages of each mapping are written over, again and again. */
static void scribble(int ready)
{
	struct { volatile uint64_t *words; size_t count; } found[16];
	size_t mappings = 0;
	char line[512], flags[5];
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "r");
	must(maps != NULL);
	while (mappings < 16 && fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, flags) == 3 && flags[1] == 'w' && flags[3] == 's') {
			found[mappings].words = (volatile uint64_t *)from;
			found[mappings++].count = (to - from < 1 << 18 ? to - from : 1 << 18) / sizeof(uint64_t);
		}
	for (unsigned round = 0;; round++) {
		for (size_t at = 0; at < mappings; at++)
			for (size_t word = 0; word < found[at].count; word++)
				/* Nobody holds anything; or everything is odd. */
				if (round % 2 || found[at].words[word])
					found[at].words[word] = round % 4 == 1 ? word * 0x9e3779b97f4a7c15 : 0;
		if (round == 4)
			must(write(ready, "r", 1) == 1);
	}
}

static pid_t start_scribbler(void)
{
	int ready[2];
	char byte;
	must(pipe(ready) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		at_most_a_minute();
		give_up_root();
		scribble(ready[1]);
	}
	must(read(ready[0], &byte, 1) == 1);
	return pid;
}

/* Beside the scribbler, a child serves each connection. */
static void serve_beside_a_scribbler(int listener, int connections)
{
	pid_t pid = start_scribbler(), children[64];
	must(connections <= 64);
	for (int at = 0; at < connections; at++) {
		int conn = accept_one(listener);
		children[at] = fork();
		if (children[at] == 0) {
			at_most_a_minute();
			respond_in_two(conn, read_request(conn));
			must(close(conn) == 0);
			_exit(0);
		}
		must(close(conn) == 0);
	}
	for (int at = 0; at < connections; at++)
		must(waitpid(children[at], NULL, 0) == children[at]);
	kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0) == pid);
}

static void serve(int conn)
{
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
}

/* A worker that has given up root accepts for itself. */
static void work_as_user(int listener)
{
	if (fork() == 0) {
		at_most_a_minute();
		give_up_root();
		serve(accept_one(listener));
		wait_for_the_end();
		_exit(0);
	}
	must(wait(NULL) > 0);
}

/* Its child gives up root once its parent has closed its copy; or puts on another user
 * for the time in which its parent does that. */
static void child_as_user(int listener, int for_a_while)
{
	int conn = accept_one(listener), closed[2], begun[2];
	char byte;
	must(pipe(closed) == 0 && pipe(begun) == 0);
	if (fork() == 0) {
		at_most_a_minute();
		if (for_a_while)
			must(seteuid(USER) == 0);
		must(write(begun[1], "b", 1) == 1);
		must(read(closed[0], &byte, 1) == 1);
		if (for_a_while)
			must(seteuid(0) == 0);
		else
			give_up_root();
		serve(conn);
		wait_for_the_end();
		_exit(0);
	}
	must(read(begun[0], &byte, 1) == 1);
	must(close(conn) == 0);
	must(write(closed[1], "c", 1) == 1);
	must(wait(NULL) > 0);
}

/* Its child gives up root, and closes its copy; the parent serves. */
static void child_closes_first(int listener)
{
	int conn = accept_one(listener);
	pid_t pid = fork();
	if (pid == 0) {
		give_up_root();
		must(close(conn) == 0);
		_exit(0);
	}
	must(waitpid(pid, NULL, 0) == pid);
	respond_in_two(conn, read_request(conn));
	must(close(conn) == 0);
}

/* Its child gives up root and forks; the grandchild serves when both others have let go. */
static void grandchild_serves(int listener)
{
	int conn = accept_one(listener), closed[2];
	char byte;
	must(pipe(closed) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		give_up_root();
		if (fork() == 0) {
			at_most_a_minute();
			must(read(closed[0], &byte, 1) == 1);
			respond_in_two(conn, read_request(conn));
			must(close(conn) == 0);
		}
		_exit(0);
	}
	must(waitpid(pid, NULL, 0) == pid);
	must(close(conn) == 0);
	must(write(closed[1], "c", 1) == 1);
	wait_for_the_end();
}

static atomic_int rounds;

/* Connections of which one copy is closed while the other is written to. */
static void *serve_two_copies(void *given)
{
	static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	int listener = (int)(intptr_t)given, until = atomic_load(&rounds) + 400;
	while (atomic_load(&rounds) < until) {
		pthread_mutex_lock(&turn);
		int peer = connect_to(port_of(listener)), conn = accept_one(listener);
		pthread_mutex_unlock(&turn);
		int copy = dup(conn);
		must(write(peer, "request", 7) == 7);
		respond(conn, 0, 1000);
		must(close(conn) == 0);
		respond(copy, 1000, 3000);
		must(close(copy) == 0);
		must(close(peer) == 0);
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

/* Root is given up while threads are at it. */
static void threads_beside(int listener)
{
	for (int at = 0; at < 20; at++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t threads[4];
			at_most_a_minute();
			for (int thread = 0; thread < 4; thread++)
				pthread_create(&threads[thread], NULL, serve_two_copies, (void *)(intptr_t)listener);
			while (atomic_load(&rounds) < 50)
				sched_yield();
			give_up_root();
			for (int thread = 0; thread < 4; thread++)
				pthread_join(threads[thread], NULL);
			_exit(0);
		}
		int status;
		must(waitpid(pid, &status, 0) == pid);
		must(status == 0);
	}
	say("served");
}

int main(int count, char **arguments)
{
	must(count == 2);
	const char *way = arguments[1];
	by_number = strstr(way, "by-number") != NULL;
	if (!strcmp(way, "threads")) {
		threads_beside(listener_for(AF_INET, 0));
		return 0;
	}
	int listener = listen_tcp();
	if (!strncmp(way, "scribbler", 9))
		serve_beside_a_scribbler(listener, 16);
	else if (!strncmp(way, "worker", 6))
		work_as_user(listener);
	else if (!strncmp(way, "child", 5))
		child_as_user(listener, !strcmp(way, "child-for-a-while"));
	else if (!strcmp(way, "closes-first"))
		child_closes_first(listener);
	else
		grandchild_serves(listener);
	return 0;
}
