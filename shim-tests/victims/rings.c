/* Rings of io_uring. One that only changes epoll sets, as libuv's does, is harmless; any other may hold a connection.
 *
 * rings SHAPE: says how many events there were after the close of a connection, and what became of what the peer sent
 * after it. */
#include "by_instruction.h"
#include "ring.h"
#include "round_trip.h"
#include "watched.h"
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>

extern char **environ;

static int try_ring(unsigned flags)
{
	struct io_uring_params params = {.flags = flags};
	int fd = syscall(SYS_io_uring_setup, 8, &params);
	if (fd >= 0)
		use_ring(fd, &params);
	return fd;
}

static void make_ring(unsigned flags)
{
	if (try_ring(flags) < 0)
		unsupported("io_uring_setup");
}

/* Submits what is queued, and waits for it. */
static void submit(int count)
{
	must(syscall(SYS_io_uring_enter, ring.fd, count, count, IORING_ENTER_GETEVENTS, NULL, 0L) == count);
}

static void submit_unseen(int count) { must(by_instruction(SYS_io_uring_enter, ring.fd, count, 0, 0) == count); }

static struct io_uring_sqe *queue_change(int set, int operation, int fd)
{
	struct io_uring_sqe *request = queue(IORING_OP_EPOLL_CTL, set);
	request->len = operation;
	request->off = fd;
	request->addr = (uintptr_t)&interest;
	request->user_data = (uintptr_t)operation | (uintptr_t)fd << 8;
	return request;
}

static int change(int set, int operation, int fd)
{
	queue_change(set, operation, fd);
	submit(1);
	return completed();
}

/* A program, which may have got the sets of this one. */
static void spawn(void)
{
	char *arguments[] = {"true", NULL};
	pid_t pid;
	must(posix_spawnp(&pid, "true", NULL, NULL, arguments, environ) == 0);
	wait_for_child(pid);
}

/* A connection that a ring has put into a set. */
static int in_a_set(void)
{
	int set = libc_set();
	open_one();
	must(fcntl(conn, F_SETFD, FD_CLOEXEC) == 0 && change(set, EPOLL_CTL_ADD, conn) == 0);
	return set;
}

static int sets_only(void)
{
	make_ring(0);
	return finish(in_a_set());
}

static int sets_only_without_array(void)
{
	make_ring(NO_SQARRAY);
	return finish(in_a_set());
}

static int idle(void)
{
	make_ring(0);
	queue(IORING_OP_NOP, -1);
	submit(1);
	must(completed() == 0);
	return finish(in_a_set());
}

/* As libuv's uv__io_stop, uv__io_start and uv_close, beside a program that may have the set. */
static int added_again(void)
{
	make_ring(0);
	int set = in_a_set();
	spawn();
	must(change(set, EPOLL_CTL_ADD, conn) == -EEXIST && change(set, EPOLL_CTL_MOD, conn) == 0);
	must(control(set, EPOLL_CTL_DEL, conn) == 0);
	return finish(set);
}

static int taken_out_by_ring(void)
{
	make_ring(0);
	int set = in_a_set();
	spawn();
	must(change(set, EPOLL_CTL_DEL, conn) == 0);
	return finish(set);
}

/* Two in one call, of which one fails. */
static int one_fails(void)
{
	make_ring(0);
	int set = libc_set();
	open_one();
	queue_change(set, EPOLL_CTL_ADD, 1000);
	queue_change(set, EPOLL_CTL_ADD, conn);
	submit(2);
	must(completed() == -EBADF && completed() == 0);
	return finish(set);
}

/* Queued before the close, and submitted after it. */
static int added_late(void)
{
	make_ring(0);
	int set = libc_set();
	open_one();
	queue_change(set, EPOLL_CTL_ADD, conn);
	close_answered(conn);
	submit(1);
	must(completed() == -EBADF);
	report(set);
	report_late_data();
	return 0;
}

/* Made, used and closed, more often than there is room for. */
static int many_one_after_the_other(void)
{
	for (int i = 0; i < 200; i++) {
		make_ring(0);
		in_a_set();
		must(control(libc_set(), EPOLL_CTL_DEL, conn) < 0 && close(conn) == 0 && close(peer) == 0);
		must(syscall(SYS_close, ring.fd) == 0);
	}
	make_ring(0);
	return finish(in_a_set());
}

static int many_at_a_time(void)
{
	for (int i = 0; i < 65; i++)
		make_ring(0);
	return finish(in_a_set());
}

/* The thread's only ring is gone. */
static int closed(void)
{
	make_ring(0);
	int set = in_a_set();
	must(close(ring.fd) == 0);
	return finish(set);
}

static int closed_by_range(void)
{
	make_ring(0);
	int set = in_a_set();
	must(close_range(ring.fd, ring.fd, 0) == 0);
	make_ring(0);
	return finish(set);
}

static void *use_it(void *set)
{
	must(change(*(int *)set, EPOLL_CTL_ADD, conn) == 0);
	close_answered(conn);
	return NULL;
}

/* A loop that one thread makes and another runs. */
static int used_by_another_thread(void)
{
	pthread_t thread;
	int set = libc_set();
	make_ring(0);
	open_one();
	must(pthread_create(&thread, NULL, use_it, &set) == 0 && pthread_join(thread, NULL) == 0);
	report(set);
	report_late_data();
	return 0;
}

struct addition {
	int set, fd;
	atomic_int is_there;
};

static void *add_it(void *words)
{
	struct addition *addition = words;
	addition->is_there = 1;
	change(addition->set, EPOLL_CTL_ADD, addition->fd);
	return NULL;
}

/* By another thread, which comes before the close or after it. */
static int added_while_closing(void)
{
	struct addition addition = {.set = libc_set()};
	pthread_t thread;
	make_ring(0);
	for (int i = 0; i < 300; i++) {
		open_one();
		addition.fd = conn;
		addition.is_there = 0;
		must(pthread_create(&thread, NULL, add_it, &addition) == 0);
		while (!addition.is_there)
			;
		close_answered(conn);
		must(pthread_join(thread, NULL) == 0);
	}
	report(addition.set);
	return 0;
}

static int beside_a_program(void)
{
	make_ring(0);
	spawn();
	return finish(in_a_set());
}

/* Anything else was submitted once. */
static int polled(void)
{
	make_ring(0);
	int event = eventfd(1, 0);
	queue(IORING_OP_POLL_ADD, event)->poll32_events = POLLIN;
	submit(1);
	must(completed() == POLLIN);
	return finish(in_a_set());
}

static int sent(void)
{
	make_ring(0);
	int set = in_a_set();
	struct io_uring_sqe *request = queue(IORING_OP_SEND, conn);
	request->addr = (uintptr_t)"x";
	request->len = 1;
	submit(1);
	must(completed() == 1);
	return finish(set);
}

static int sent_by_instruction(void)
{
	make_ring(0);
	int set = in_a_set();
	queue(IORING_OP_NOP, -1);
	submit_unseen(1);
	return finish(set);
}

/* A flag of a request that makes it wait for others. */
static int drained(void)
{
	make_ring(0);
	int set = in_a_set();
	queue(IORING_OP_NOP, -1)->flags = IOSQE_IO_DRAIN;
	submit(1);
	return finish(set);
}

static int queued(void)
{
	make_ring(0);
	int set = in_a_set();
	queue(IORING_OP_SEND, conn);
	return finish(set);
}

/* A thread of the kernel's takes the requests. */
static int polled_by_the_kernel(void)
{
	int set = libc_set();
	make_ring(IORING_SETUP_SQPOLL);
	open_one();
	add(set);
	return finish(set);
}

static int with_registered_files(void)
{
	make_ring(0);
	int set = in_a_set();
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &conn, 1))
		unsupported("IORING_REGISTER_FILES");
	return finish(set);
}

static int probed(void)
{
	static union {
		struct io_uring_probe probe;
		char room[sizeof(struct io_uring_probe) + 8 * sizeof(struct io_uring_probe_op)];
	} answer;
	make_ring(0);
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PROBE, &answer, 8) == 0);
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, NULL, 1) < 0);
	return finish(in_a_set());
}

static int duplicated(void)
{
	make_ring(0);
	must(dup(ring.fd) >= 0);
	return finish(in_a_set());
}

/* As liburing makes it, by the thread that has a harmless one. */
static int another_by_instruction(void)
{
	struct io_uring_params params = {0};
	make_ring(0);
	int set = in_a_set();
	must(by_instruction(SYS_io_uring_setup, 8, (long)&params, 0, 0) >= 0);
	return finish(set);
}

static int another_before(void)
{
	struct io_uring_params params = {0};
	if (by_instruction(SYS_io_uring_setup, 8, (long)&params, 0, 0) < 0)
		unsupported("io_uring_setup");
	make_ring(0);
	return finish(in_a_set());
}

static void *make_another(void *params)
{
	must(by_instruction(SYS_io_uring_setup, 8, (long)params, 0, 0) >= 0);
	return NULL;
}

static int another_of_another_thread(void)
{
	struct io_uring_params params = {0};
	pthread_t thread;
	make_ring(0);
	int set = in_a_set();
	must(pthread_create(&thread, NULL, make_another, &params) == 0 && pthread_join(thread, NULL) == 0);
	return finish(set);
}

static int in_child(int (*run)(void))
{
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0)
		_exit(run());
	wait_for_child(pid);
	return 0;
}

static int finish_new(void)
{
	int set = libc_set();
	open_one();
	add(set);
	return finish(set);
}

static int inherited(void)
{
	make_ring(0);
	return in_child(finish_new);
}

static int close_and_finish(void)
{
	must(close(ring.fd) == 0);
	make_ring(0);
	return finish(in_a_set());
}

/* As libuv's uv_loop_fork. */
static int inherited_and_closed(void)
{
	make_ring(0);
	return in_child(close_and_finish);
}

static int use_inherited(void)
{
	queue(IORING_OP_NOP, -1);
	submit_unseen(1);
	return 0;
}

static int used_by_a_child(void)
{
	make_ring(0);
	int set = in_a_set();
	in_child(use_inherited);
	return finish(set);
}

static int do_nothing(void) { return 0; }

static int beside_a_child(void)
{
	make_ring(0);
	int set = in_a_set();
	in_child(do_nothing);
	return finish(set);
}

/* More than fits: the rest is sent as the peer reads. */
static int close_pending(int set)
{
	enum { LENGTH = 16 << 20 };
	static char block[1 << 16];
	struct io_uring_sqe *request = queue(IORING_OP_SEND, conn);
	request->addr = (uintptr_t)calloc(LENGTH, 1);
	request->len = LENGTH;
	request->msg_flags = MSG_WAITALL;
	submit_unseen(1);
	must(close(conn) == 0 && control(set, EPOLL_CTL_DEL, conn) < 0);
	long total = 0, got;
	while ((got = recv(peer, block, sizeof block, 0)) > 0)
		total += got;
	say("the peer has got %ld, then %s", total, got ? strerrorname_np(errno) : "the end");
	return 0;
}

static int pending(void)
{
	make_ring(0);
	return close_pending(in_a_set());
}

static int pending_in_another(void)
{
	struct io_uring_params params = {0};
	make_ring(0);
	int set = in_a_set();
	int fd = by_instruction(SYS_io_uring_setup, 8, (long)&params, 0, 0);
	must(fd >= 0);
	use_ring(fd, &params);
	return close_pending(set);
}

static const struct shape shapes[] = {
	{"sets_only", sets_only},
	{"sets_only_without_array", sets_only_without_array},
	{"idle", idle},
	{"added_again", added_again},
	{"taken_out_by_ring", taken_out_by_ring},
	{"one_fails", one_fails},
	{"added_late", added_late},
	{"many_one_after_the_other", many_one_after_the_other},
	{"many_at_a_time", many_at_a_time},
	{"closed", closed},
	{"closed_by_range", closed_by_range},
	{"used_by_another_thread", used_by_another_thread},
	{"added_while_closing", added_while_closing},
	{"beside_a_program", beside_a_program},
	{"beside_a_child", beside_a_child},
	{"polled", polled},
	{"sent", sent},
	{"sent_by_instruction", sent_by_instruction},
	{"drained", drained},
	{"queued", queued},
	{"polled_by_the_kernel", polled_by_the_kernel},
	{"with_registered_files", with_registered_files},
	{"probed", probed},
	{"duplicated", duplicated},
	{"another_by_instruction", another_by_instruction},
	{"another_before", another_before},
	{"another_of_another_thread", another_of_another_thread},
	{"inherited", inherited},
	{"inherited_and_closed", inherited_and_closed},
	{"used_by_a_child", used_by_a_child},
	{"pending", pending},
	{"pending_in_another", pending_in_another},
};

int main(int count, char **arguments)
{
	return run_shape(shapes, sizeof shapes / sizeof *shapes, count, arguments);
}
