/* A master accepts, and sends each connection to a worker that it has executed, on a pair of
 * unix sockets; the worker answers and closes.
 *
 * cluster before|after        the master closes before or after the worker has received it
 * cluster twice               a second worker gets it too, and goes on after the first has closed
 * cluster killed              the worker is killed with it, and the master closes last
 * cluster lost                the worker ends without having received it, the master has closed;
 *                             the message is taken by the master itself, which goes on
 * cluster bare                the worker has no shim
 * cluster peeked              the worker peeks first, and closes that copy */
#include "image.h"
#include "passing.h"

struct worker {
	pid_t pid;
	int link;
};

static void be_worker(int link, const char *way)
{
	char byte;
	int conn = -1;
	at_most_a_minute();
	if (!strcmp(way, "lost"))
		exit(0);
	if (!strcmp(way, "peeked")) {
		conn = receive_fd(link, MSG_PEEK, 0);
		must(close(conn) == 0);
	}
	conn = receive_fd(link, 0, 0);
	must(write(link, "r", 1) == 1);
	if (!strcmp(way, "killed"))
		pause();
	if (!strcmp(way, "first")) {
		must(close(conn) == 0);
		exit(0);
	}
	if (!strcmp(way, "second")) {
		must(read(link, &byte, 1) == 1);
		respond_in_two(conn, read_request(conn));
	} else if (!strcmp(way, "bare")) {
		respond_in_two(conn, read_request(conn));
	} else {
		respond(conn, 0, read_request(conn));
	}
	must(close(conn) == 0);
	must(write(link, "d", 1) == 1);
	wait_for_the_end();
	exit(0);
}

static struct worker start(const char *way)
{
	int pair[2];
	char number[16];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	struct worker worker = {.pid = fork(), .link = pair[0]};
	if (worker.pid == 0) {
		must(fcntl(pair[1], F_SETFD, 0) == 0);
		snprintf(number, sizeof number, "%d", pair[1]);
		if (!strcmp(way, "bare"))
			unsetenv("LD_PRELOAD");
		execl(this_program(), "cluster", "worker", number, way, NULL);
		_exit(99);
	}
	must(close(pair[1]) == 0);
	return worker;
}

static void await(struct worker worker, char expected)
{
	char byte;
	must(read(worker.link, &byte, 1) == 1 && byte == expected);
}

static void send_twice(int conn)
{
	struct worker first = start("first"), second = start("second");
	send_fd(first.link, conn, 0);
	await(first, 'r');
	send_fd(second.link, conn, 0);
	must(close(conn) == 0);
	await(second, 'r');
	wait_for_child(first.pid);
	must(write(second.link, "g", 1) == 1);
	say("closed");
	await(second, 'd');
}

static void lose(int conn)
{
	int pair[2], status;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	size_t response = read_request(conn);
	send_fd(pair[0], conn, 0);
	must(close(conn) == 0);
	struct worker worker = start("lost");
	must(waitpid(worker.pid, &status, 0) == worker.pid);
	say("closed");
	conn = receive_fd(pair[1], 0, 0);
	respond_in_two(conn, response);
	must(close(conn) == 0);
}

static void serve_by(const char *way, int conn)
{
	struct worker worker = start(way);
	send_fd(worker.link, conn, 0);
	if (strcmp(way, "before"))
		await(worker, 'r');
	if (!strcmp(way, "killed")) {
		must(kill(worker.pid, SIGKILL) == 0 && waitpid(worker.pid, NULL, 0) == worker.pid);
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
		say("closed");
		return;
	}
	must(close(conn) == 0);
	say("closed");
	if (!strcmp(way, "before"))
		await(worker, 'r');
	await(worker, 'd');
}

int main(int count, char **arguments)
{
	must(count >= 2);
	at_most_a_minute();
	if (!strcmp(arguments[1], "worker"))
		be_worker(atoi(arguments[2]), arguments[3]);
	int conn = accept_one(listen_tcp());
	close_on_exec(conn);
	if (!strcmp(arguments[1], "twice"))
		send_twice(conn);
	else if (!strcmp(arguments[1], "lost"))
		lose(conn);
	else
		serve_by(arguments[1], conn);
	wait_for_the_end();
	return 0;
}
