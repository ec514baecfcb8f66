/*
 * Goes one path N times, for a count of its system calls. Ends by a raw system call: what
 * is still open is not part of it. Peers of an accepted connection are one after the
 * other: bench_calls_peer.c.
 */
#include "by_instruction.h"
#include "bench.h"

static int listener = -1;

static int accepted(void) { return accept_one(listener); }

/* With something sent, else a close has nothing to save. */
static int answered(void)
{
	int conn = accepted();
	must(write(conn, "a", 1) == 1);
	return conn;
}

/* What has come is read to the peer's FIN. */
static void until_fin(int conn)
{
	while (read_byte(conn))
		;
}

static void *sleeper(void *nothing)
{
	(void)nothing;
	pause();
	return NULL;
}

static void in_child(int conn)
{
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		if (conn >= 0)
			must(close(conn) == 0);
		by_instruction(SYS_exit_group, 0, 0, 0, 0);
	}
	wait_for_child(child);
}

static void shared(int conn)
{
	int gate[2];
	char byte;
	must(pipe(gate) == 0);
	pid_t child = fork();
	must(child >= 0);
	if (child == 0) {
		must(read(gate[0], &byte, 1) == 1);
		must(close(conn) == 0);
		by_instruction(SYS_exit_group, 0, 0, 0, 0);
	}
	must(close(conn) == 0);
	must(write(gate[1], "g", 1) == 1);
	wait_for_child(child);
	must(close(gate[0]) == 0 && close(gate[1]) == 0);
}

static void once(const char *path, int port)
{
	int fd = -1;
	if (!strcmp(path, "file")) {
		must(close(open("/etc/passwd", O_RDONLY)) == 0);
	} else if (!strcmp(path, "accept")) {
		accepted();
	} else if (!strcmp(path, "connect")) {
		connect_to(port);
	} else if (!strcmp(path, "socket-udp") || !strcmp(path, "socket-tcp")) {
		must(socket(AF_INET, strstr(path, "udp") ? SOCK_DGRAM : SOCK_STREAM, 0) >= 0);
	} else if (!strcmp(path, "never-connected")) {
		must(close(socket(AF_INET, SOCK_STREAM, 0)) == 0);
	} else if (!strcmp(path, "listener")) {
		must(close(listener_for(AF_INET, 0)) == 0);
	} else if (!strcmp(path, "dup")) {
		must((fd = dup(listener)) >= 0 && close(fd) == 0);
	} else if (!strcmp(path, "fork")) {
		in_child(-1);
	} else if (!strcmp(path, "shared")) {
		shared(answered());
	} else if (!strcmp(path, "dup-connection")) {
		fd = answered();
		must(close(dup(fd)) == 0 && close(fd) == 0);
	} else if (!strcmp(path, "peer-closed-first")) {
		until_fin(fd = accepted());
		must(close(fd) == 0);
	} else if (!strcmp(path, "unread")) {
		await_unread(fd = answered(), 1);
		must(close(fd) == 0);
	} else if (!strcmp(path, "shutdown")) {
		must(shutdown(fd = answered(), SHUT_RDWR) == 0 && close(fd) == 0);
	} else if (!strcmp(path, "fclose")) {
		must(fclose(fdopen(answered(), "r+")) == 0);
	} else {
		must(!strcmp(path, "drain") || !strcmp(path, "threads"));
		must(close(answered()) == 0);
	}
}

int main(int count, char **arguments)
{
	must(count == 4);
	const char *path = arguments[1];
	listener = listen_for_load();
	if (!strcmp(path, "threads"))
		start_thread(sleeper, NULL);
	for (int at = atoi(arguments[2]); at > 0; at--)
		once(path, atoi(arguments[3]));
	say("gone");
	hear();
	by_instruction(SYS_exit_group, 0, 0, 0, 0);
}
