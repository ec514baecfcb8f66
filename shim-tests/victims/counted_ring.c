/* A server has a ring of io_uring, made by an instruction as liburing does it.
 *
 * counted_ring idle: nothing is in it when the connection is closed
 * counted_ring pending: a request still writes the second half of the response then
 * counted_ring registered: the ring has the file itself, and writes that half afterwards
 * counted_ring watched: the ring has put the connection into an epoll set */
#include "by_instruction.h"
#include "round_trip.h"
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/mman.h>

static int ring;
static unsigned *tail, *array, *done_head, *done_tail;
static struct io_uring_sqe *request;
static struct io_uring_cqe *done;

static char *map_ring(off_t what)
{
	char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, what);
	must(mapped != MAP_FAILED);
	return mapped;
}

/* For one request at a time. */
static void make_ring(void)
{
	struct io_uring_params params = {0};
	ring = by_instruction(SYS_io_uring_setup, 1, (long)&params, 0, 0);
	if (ring < 0) {
		errno = EPERM;
		unsupported("io_uring");
	}
	char *sent = map_ring(IORING_OFF_SQ_RING), *taken = map_ring(IORING_OFF_CQ_RING);
	request = (void *)map_ring(IORING_OFF_SQES);
	tail = (void *)(sent + params.sq_off.tail);
	array = (void *)(sent + params.sq_off.array);
	done_head = (void *)(taken + params.cq_off.head);
	done_tail = (void *)(taken + params.cq_off.tail);
	done = (void *)(taken + params.cq_off.cqes);
}

static void submit(int call, int fd)
{
	request->opcode = call;
	request->fd = fd;
	*array = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	must(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1);
}

/* What the request came to. */
static int result(void)
{
	must(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 0);
	must(*done_head != __atomic_load_n(done_tail, __ATOMIC_ACQUIRE));
	int answer = done[*done_head & 1].res;
	*done_head += 1;
	return answer;
}

static void send_rest(int fd, const char *rest, size_t length)
{
	memset(request, 0, sizeof *request);
	request->addr = (uintptr_t)rest;
	request->len = length;
	request->msg_flags = MSG_WAITALL;
	submit(IORING_OP_SEND, fd);
}

/* The second half by the ring, around the close. */
static void serve(int conn, int is_registered)
{
	char line[16];
	int room = 16 << 10;
	size_t response = read_request(conn), half = response / 2;
	char *rest = malloc(response - half);
	for (size_t at = half; at < response; at++)
		rest[at - half] = at % PERIOD;
	respond(conn, 0, half);
	must(setsockopt(conn, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
	read_line(conn, line, sizeof line);
	if (is_registered)
		must(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &conn, 1) == 0);
	else
		send_rest(conn, rest, response - half);
	must(close(conn) == 0);
	if (is_registered) {
		memset(request, 0, sizeof *request);
		request->flags = IOSQE_FIXED_FILE;
		request->addr = (uintptr_t)rest;
		request->len = response - half;
		request->msg_flags = MSG_WAITALL;
		submit(IORING_OP_SEND, 0);
	}
	must(result() == (int)(response - half));
	must(!is_registered || syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0) == 0);
}

static void watch(void)
{
	int pair[2], set = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	at_most_a_minute();
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	request->addr = (uintptr_t)&event;
	request->len = EPOLL_CTL_ADD;
	request->off = pair[1];
	submit(IORING_OP_EPOLL_CTL, set);
	must(result() == 0);
	must(epoll_wait(set, &event, 1, 0) == 1);
	must(close(pair[1]) == 0);
	say("events after the close: %d", epoll_wait(set, &event, 1, 20));
}

int main(int count, char **arguments)
{
	must(count == 2);
	make_ring();
	if (!strcmp(arguments[1], "watched")) {
		watch();
		return 0;
	}
	int conn = accept_one(listen_tcp());
	if (!strcmp(arguments[1], "idle")) {
		respond(conn, 0, read_request(conn));
		must(close(conn) == 0);
	} else {
		serve(conn, !strcmp(arguments[1], "registered"));
	}
	wait_for_the_end();
	return 0;
}
