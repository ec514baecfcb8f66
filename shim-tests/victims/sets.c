/* Epoll sets in every shape: after the close of the last reference to a connection none
 * of them reports it, whoever made the set, has it, or has it by which number.
 *
 * sets SHAPE: says how many events there were after the close, and what became of
 * what the peer sent after it. */
#include "by_instruction.h"
#include "passing.h"
#include "watched.h"
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

enum { SOME = 3, MANY = 24, HIGH = 200 };

/* What is known of a program's numbers after a while. */
static void close_others(void)
{
	for (int i = 0; i < SOME; i++) {
		int pair[2];
		tcp_pair(pair);
		close_answered(pair[1]);
		must(close(pair[0]) == 0);
	}
}

static int raw_set(void) { return by_instruction(SYS_epoll_create1, EPOLL_CLOEXEC, 0, 0, 0); }

static void raw_add(int set)
{
	must(set >= 0 && by_instruction(SYS_epoll_ctl, set, EPOLL_CTL_ADD, conn, (long)&interest) == 0);
}

static int raw_first(void)
{
	int set = raw_set();
	close_others();
	open_one();
	raw_add(set);
	return finish(set);
}

static int raw_later(void)
{
	close_others();
	int set = raw_set();
	open_one();
	raw_add(set);
	return finish(set);
}

/* Under a number that was a set of libc's. */
static int raw_reused(void)
{
	int former = libc_set(), pipes[2];
	must(pipe(pipes) == 0 && control(former, EPOLL_CTL_ADD, pipes[0]) == 0);
	close_others();
	must(close(former) == 0);
	int set = raw_set();
	must(set == former);
	close_others();
	open_one();
	raw_add(set);
	return finish(set);
}

/* Under a number that was a file when it was looked at. */
static int raw_for_file(void)
{
	FILE *file = fopen("/dev/null", "r");
	must(file);
	int number = fileno(file);
	close_others();
	must(fclose(file) == 0);
	int set = raw_set();
	must(set == number);
	open_one();
	raw_add(set);
	return finish(set);
}

/* Beyond numbers that were in use for a while. */
static int raw_beyond(void)
{
	enum { PIPES = 40 };
	int pipes[PIPES][2];
	close_others();
	for (int i = 0; i < PIPES; i++)
		must(pipe(pipes[i]) == 0);
	int set = raw_set();
	must(set > pipes[PIPES - 1][0]);
	for (int i = 0; i < PIPES / 2; i++)
		must(close(pipes[i][0]) == 0 && close(pipes[i][1]) == 0);
	must(close_range(pipes[PIPES / 2][0], set - 1, 0) == 0);
	close_others();
	open_one();
	raw_add(set);
	return finish(set);
}

static int raw_moved(void)
{
	close_others();
	int made = raw_set();
	int set = fcntl(made, F_DUPFD_CLOEXEC, HIGH);
	must(set >= HIGH && by_instruction(SYS_close, made, 0, 0, 0) == 0);
	open_one();
	raw_add(set);
	return finish(set);
}

/* One set through libc, another one by an instruction. */
static int raw_beside(int raw)
{
	int set = libc_set();
	open_one();
	add(set);
	raw_add(raw);
	return finish(raw);
}

static int raw_beside_libc_s(void) { return raw_beside(raw_set()); }

static int raw_beside_libc_s_later(void)
{
	close_others();
	return raw_beside(raw_set());
}

/* Both are libc's. */
static int raw_into_another_of_libc_s(void) { return raw_beside(libc_set()); }

/* A connection has been closed just before that was in one set only. */
static int raw_into_another_of_libc_s_later(void)
{
	int set = libc_set();
	open_one();
	add(set);
	close_answered(conn);
	must(close(peer) == 0);
	return raw_beside(set);
}

static int many(void)
{
	int sets[MANY];
	for (int i = 0; i < MANY; i++)
		sets[i] = libc_set();
	open_one();
	add(sets[MANY - 2]);
	return finish(sets[MANY - 2]);
}

static int several(void)
{
	int first = libc_set(), second = libc_set(), outer = libc_set();
	must(control(outer, EPOLL_CTL_ADD, first) == 0 && control(outer, EPOLL_CTL_ADD, second) == 0);
	open_one();
	add(first);
	add(second);
	return finish(outer);
}

/* A call that fails changes nothing. */
static int in_it_already(void)
{
	int set = libc_set();
	open_one();
	raw_add(set);
	must(control(set, EPOLL_CTL_ADD, conn) < 0 && errno == EEXIST);
	must(control(-1, EPOLL_CTL_ADD, conn) < 0 && control(set, EPOLL_CTL_MOD, conn) == 0);
	return finish(set);
}

static int left_and_right(void)
{
	int left = libc_set(), right = libc_set();
	open_one();
	add(left);
	must(control(left, EPOLL_CTL_DEL, conn) == 0);
	add(right);
	return finish(right);
}

/* The set lives on under another number, and another one has the former. */
static int copied_by(int copy, int former)
{
	must(copy >= 0 && close(former) == 0);
	int next = libc_set();
	must(next == former);
	return finish(copy);
}

static int in_a_set(void)
{
	int set = libc_set();
	open_one();
	add(set);
	return set;
}

static int copied_by_dup(void)
{
	int set = in_a_set();
	return copied_by(dup(set), set);
}

static int copied_by_dup2(void)
{
	int set = in_a_set();
	return copied_by(dup2(set, HIGH), set);
}

static int copied_by_dup3(void)
{
	int set = in_a_set();
	return copied_by(dup3(set, HIGH, O_CLOEXEC), set);
}

static int copied_by_fcntl(void)
{
	int set = in_a_set();
	return copied_by(fcntl(set, F_DUPFD, HIGH), set);
}

static int copied_raw(void)
{
	int set = in_a_set();
	return copied_by(by_instruction(SYS_dup, set, 0, 0, 0), set);
}

/* Nobody has the set any more. */
static int gone(void)
{
	int set = in_a_set();
	must(close(set) == 0);
	return finish(-1);
}

static int gone_and_reused(void)
{
	int set = in_a_set();
	must(dup2(libc_set(), set) == set);
	return finish(set);
}

/* A thread that waits for ever at a set, for one round of events. */
static _Atomic pid_t waiter;
static int ghosts;

static void *wait_at(void *at)
{
	struct epoll_event event;
	waiter = syscall(SYS_gettid);
	must(epoll_wait(*(int *)at, &event, 1, -1) == 1);
	ghosts = event.data.fd == conn;
	return NULL;
}

static pthread_t start_waiting(int *set)
{
	pthread_t thread = start_thread(wait_at, set);
	while (!waiter || !sleeps(waiter))
		sched_yield();
	return thread;
}

/* What wakes it after all. */
static int bell_in(int set)
{
	int bell = eventfd(0, EFD_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = bell};
	must(bell >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, bell, &event) == 0);
	return bell;
}

static void add_for_input(int set)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = conn};
	must(epoll_ctl(set, EPOLL_CTL_ADD, conn, &event) == 0);
}

static int finish_waiting(pthread_t thread, int bell)
{
	close_answered(conn);
	const char *late = late_data();
	must(eventfd_write(bell, 1) == 0 && pthread_join(thread, NULL) == 0);
	say("events: %d", ghosts);
	say("late data: %s", late);
	return 0;
}

/* epoll_wait keeps the set, and what is in it, for as long as it sleeps. */
static int gone_while_a_thread_waits(void (*end)(int))
{
	int set = libc_set(), bell = bell_in(set);
	open_one();
	add_for_input(set);
	pthread_t thread = start_waiting(&set);
	end(set);
	return finish_waiting(thread, bell);
}

static void close_set(int set) { must(close(set) == 0); }

static void replace_set(int set) { must(dup2(libc_set(), set) == set); }

static void close_set_in_range(int set) { must(close_range(set, set, 0) == 0); }

static int closed_while_a_thread_waits(void) { return gone_while_a_thread_waits(close_set); }

static int replaced_while_a_thread_waits(void) { return gone_while_a_thread_waits(replace_set); }

static int closed_in_a_range_while_a_thread_waits(void) { return gone_while_a_thread_waits(close_set_in_range); }

/* A lingering close of the program's own: the thread that has waited for the set closes it. */
static int closed_by_who_has_waited(void)
{
	int set = libc_set(), bell = bell_in(set), own = libc_set();
	struct epoll_event event;
	pthread_t thread = start_waiting(&set);
	open_one();
	add_for_input(own);
	must(epoll_wait(own, &event, 1, 0) == 0);
	close_set(own);
	return finish_waiting(thread, bell);
}

/* Sets come and go beside a thread; the connection is in another one. */
static int others_gone_while_a_thread_waits(void)
{
	int set = libc_set(), bell = bell_in(set);
	pthread_t thread = start_waiting(&set);
	for (int i = 0; i < SOME; i++) {
		int other = libc_set();
		bell_in(other);
		close_set(other);
	}
	open_one();
	add_for_input(set);
	return finish_waiting(thread, bell);
}

/* The number that the set knows was closed before. */
static int another_number(void)
{
	int set = libc_set();
	open_one();
	int copy = dup(conn);
	must(control(set, EPOLL_CTL_ADD, copy) == 0 && close(copy) == 0);
	return finish(set);
}

static int another_number_that_was_taken_out(void)
{
	int set = libc_set();
	open_one();
	int copy = dup(conn);
	must(control(set, EPOLL_CTL_ADD, copy) == 0 && control(set, EPOLL_CTL_DEL, copy) == 0 && close(copy) == 0);
	return finish(set);
}

static pid_t child(void)
{
	pid_t pid = fork();
	must(pid >= 0);
	return pid;
}

/* Two processes, one after the other. */
static int turn[2], turned[2];

static void two_turns(void) { must(pipe(turn) == 0 && pipe(turned) == 0); }

static void give(int link[2]) { must(write(link[1], "", 1) == 1); }

static void await(int link[2])
{
	char byte;
	must(read(link[0], &byte, 1) == 1);
}

static int only_a_child_has_the_set(void)
{
	two_turns();
	int set = libc_set();
	pid_t pid = child();
	if (pid == 0) {
		await(turn);
		report(set);
		give(turned);
		await(turn);
		_exit(0);
	}
	open_one();
	add(set);
	must(close(set) == 0);
	close_answered(conn);
	give(turn);
	await(turned);
	report_late_data();
	give(turn);
	wait_for_child(pid);
	return 0;
}

static int only_a_message_has_the_set(void)
{
	int link[2], set = libc_set();
	unix_pair(link);
	open_one();
	add(set);
	send_fd(link[0], set, 0);
	must(close(set) == 0);
	close_answered(conn);
	report(receive_fd(link[1], 0, 0));
	report_late_data();
	return 0;
}

/* A worker's connection in the set of all. */
static int a_child_uses_the_set(void)
{
	two_turns();
	int set = libc_set();
	pid_t pid = child();
	if (pid == 0) {
		open_one();
		add(set);
		close_answered(conn);
		give(turned);
		await(turn);
		report_late_data();
		_exit(0);
	}
	await(turned);
	report(set);
	give(turn);
	wait_for_child(pid);
	return 0;
}

/* It ends with its connection open. */
static int a_child_ends(void)
{
	char text[8];
	int set = libc_set(), listener = listener_for(AF_INET, 0);
	peer = connect_to(port_of(listener));
	pid_t pid = child();
	if (pid == 0) {
		must(close(peer) == 0);
		conn = accept_one(listener);
		add(set);
		answer(conn);
		exit(0);
	}
	while (recv(peer, text, sizeof text, 0) > 0)
		;
	report(set);
	must(close(peer) == 0);
	wait_for_child(pid);
	return 0;
}

/* A child inherits the connection and the set, and closes it first. */
static int a_child_closes_first(void)
{
	int set = in_a_set();
	pid_t pid = child();
	if (pid == 0) {
		must(close(conn) == 0);
		_exit(0);
	}
	wait_for_child(pid);
	return finish(set);
}

static int a_child_closes_last(void)
{
	two_turns();
	int set = in_a_set();
	pid_t pid = child();
	if (pid == 0) {
		await(turn);
		close_answered(conn);
		give(turned);
		await(turn);
		_exit(0);
	}
	must(close(conn) == 0);
	give(turn);
	await(turned);
	report(set);
	report_late_data();
	give(turn);
	wait_for_child(pid);
	return 0;
}

/* The everyday child: it has no use for its parent's set. */
static int a_child_serves(void)
{
	two_turns();
	int set = in_a_set();
	pid_t pid = child();
	if (pid == 0) {
		must(close(set) == 0);
		await(turn);
		close_answered(conn);
		give(turned);
		await(turn);
		_exit(0);
	}
	must(control(set, EPOLL_CTL_DEL, conn) == 0 && close(conn) == 0);
	give(turn);
	await(turned);
	report(set);
	report_late_data();
	give(turn);
	wait_for_child(pid);
	return 0;
}

/* A program that a connection is given to under two numbers, as inetd does. */
static int executed(void)
{
	enum { ONE = HIGH, TWO, PEER };
	if (fcntl(ONE, F_GETFD) < 0) {
		open_one();
		must(dup2(conn, ONE) == ONE && dup2(conn, TWO) == TWO && dup2(peer, PEER) == PEER);
		must(close(conn) == 0 && close(peer) == 0);
		execl("/proc/self/exe", "sets", "executed", NULL);
	}
	int set = libc_set();
	peer = PEER;
	conn = ONE;
	add(set);
	close_answered(conn);
	conn = TWO;
	return finish(set);
}

/* A process that is denied a ring has none. */
static int no_ring(void)
{
	must(syscall(SYS_io_uring_setup, 0, NULL) < 0);
	return finish(in_a_set());
}

/* A thread that never uses the set that libc made for it. */
static int never_used(void)
{
	libc_set();
	return finish(in_a_set());
}

static const struct shape shapes[] = {
	{"raw_first", raw_first},
	{"raw_later", raw_later},
	{"raw_reused", raw_reused},
	{"raw_for_file", raw_for_file},
	{"raw_beyond", raw_beyond},
	{"raw_moved", raw_moved},
	{"raw_beside_libc_s", raw_beside_libc_s},
	{"raw_beside_libc_s_later", raw_beside_libc_s_later},
	{"raw_into_another_of_libc_s", raw_into_another_of_libc_s},
	{"raw_into_another_of_libc_s_later", raw_into_another_of_libc_s_later},
	{"many", many},
	{"several", several},
	{"in_it_already", in_it_already},
	{"left_and_right", left_and_right},
	{"copied_by_dup", copied_by_dup},
	{"copied_by_dup2", copied_by_dup2},
	{"copied_by_dup3", copied_by_dup3},
	{"copied_by_fcntl", copied_by_fcntl},
	{"copied_raw", copied_raw},
	{"gone", gone},
	{"gone_and_reused", gone_and_reused},
	{"closed_while_a_thread_waits", closed_while_a_thread_waits},
	{"replaced_while_a_thread_waits", replaced_while_a_thread_waits},
	{"closed_in_a_range_while_a_thread_waits", closed_in_a_range_while_a_thread_waits},
	{"closed_by_who_has_waited", closed_by_who_has_waited},
	{"others_gone_while_a_thread_waits", others_gone_while_a_thread_waits},
	{"another_number", another_number},
	{"another_number_that_was_taken_out", another_number_that_was_taken_out},
	{"only_a_child_has_the_set", only_a_child_has_the_set},
	{"only_a_message_has_the_set", only_a_message_has_the_set},
	{"a_child_uses_the_set", a_child_uses_the_set},
	{"a_child_ends", a_child_ends},
	{"a_child_closes_first", a_child_closes_first},
	{"a_child_closes_last", a_child_closes_last},
	{"a_child_serves", a_child_serves},
	{"executed", executed},
	{"no_ring", no_ring},
	{"never_used", never_used},
};

int main(int count, char **arguments)
{
	return run_shape(shapes, sizeof shapes / sizeof *shapes, count, arguments);
}
