/* An io_uring without liburing. Many kernels refuse one. */
#ifndef RING_H
#define RING_H

#include "victim.h"
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Since Linux 6.6; headers are older. */
#define NO_SQARRAY (1U << 16)

/* The last ring that this process has made. */
static struct ring {
	int fd;
	unsigned *tail, *mask, *array, *done_head, *done_tail, *done_mask;
	struct io_uring_sqe *requests;
	struct io_uring_cqe *done;
} ring = {.fd = -1};

static UNUSED char *map_ring(int fd, off_t what, size_t length)
{
	char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
	must(mapped != MAP_FAILED);
	return mapped;
}

static UNUSED void use_ring(int fd, const struct io_uring_params *params)
{
	const struct io_sqring_offsets *to = &params->sq_off;
	const struct io_cqring_offsets *from = &params->cq_off;
	int has_array = !(params->flags & NO_SQARRAY);
	char *sent = map_ring(fd, IORING_OFF_SQ_RING, has_array ? to->array + params->sq_entries * sizeof(unsigned) : 64);
	char *done = map_ring(fd, IORING_OFF_CQ_RING, from->cqes + params->cq_entries * sizeof *ring.done);
	ring.requests = (void *)map_ring(fd, IORING_OFF_SQES, params->sq_entries * sizeof *ring.requests);
	ring.tail = (void *)(sent + to->tail);
	ring.mask = (void *)(sent + to->ring_mask);
	ring.array = has_array ? (void *)(sent + to->array) : NULL;
	ring.done_head = (void *)(done + from->head);
	ring.done_tail = (void *)(done + from->tail);
	ring.done_mask = (void *)(done + from->ring_mask);
	ring.done = (void *)(done + from->cqes);
	ring.fd = fd;
}

/* A place in the queue for one more request, which is not submitted. */
static UNUSED struct io_uring_sqe *queue(int operation, int fd)
{
	unsigned tail = *ring.tail, at = tail & *ring.mask;
	struct io_uring_sqe *request = &ring.requests[at];
	memset(request, 0, sizeof *request);
	request->opcode = operation;
	request->fd = fd;
	if (ring.array)
		ring.array[at] = at;
	__atomic_store_n(ring.tail, tail + 1, __ATOMIC_RELEASE);
	return request;
}

/* The result of the oldest completion; there is one. */
static UNUSED int completed(void)
{
	unsigned head = *ring.done_head;
	must(head != __atomic_load_n(ring.done_tail, __ATOMIC_ACQUIRE));
	int result = ring.done[head & *ring.done_mask].res;
	__atomic_store_n(ring.done_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

#endif
