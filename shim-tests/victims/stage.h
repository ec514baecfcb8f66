/*
 * What the actors of interpreter.c share with their director, src/fuzz/stage.rs,
 * which has the same layout: a slot for each actor, in a file that all of them
 * map. No descriptor stays open for it, and so nothing that an actor closes can
 * hit it. Looks are by a raw system call: they go past whatever stands before libc.
 */
#ifndef STAGE_H
#define STAGE_H

#include "victim.h"
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ACTORS 8
#define VARS 10
#define EVENTS 16
/* Numbers below this are looked at after each act; a new process also counts
 * what it has beyond them, up to the limit that the director sets. */
#define NUMBERS 48
#define LIMIT 1024

/* One open number, as the actor sees it. */
struct seen {
	uint8_t number, kind, flags, state;
	uint32_t unread;
	uint16_t local, remote;
};

struct event {
	uint64_t data;
	uint32_t events, unused;
};

struct slot {
	uint32_t turn, done, births;
	int32_t pid, tid;
	char verb[12];
	int32_t args[4];
	int32_t vars[VARS];
	/* What the first two arguments stood for before the act, if variables. */
	int32_t numbers[2];
	int32_t value, error;
	uint32_t seen_count, event_count;
	struct seen seen[NUMBERS];
	struct event event[EVENTS];
};

static struct slot *slots;
static _Thread_local int me;

static long raw(long number, long a, long b, long c, long d, long e)
{
#if defined __x86_64__
	long result;
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
		: "=a"(result)
		: "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
		: "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(number, a, b, c, d, e);
	return result < 0 ? -errno : result;
#endif
}

static UNUSED void wake(uint32_t *word) { raw(SYS_futex, (long)word, FUTEX_WAKE, 1, 0, 0); }

/* Until the director has raised `turn` beyond `done`. */
static UNUSED void await_turn(struct slot *slot)
{
	uint32_t idle;
	while (idle = slot->done, __atomic_load_n(&slot->turn, __ATOMIC_SEQ_CST) == idle)
		raw(SYS_futex, (long)&slot->turn, FUTEX_WAIT, idle, 0, 0);
}

static UNUSED void finish_turn(struct slot *slot)
{
	__atomic_store_n(&slot->done, slot->turn, __ATOMIC_SEQ_CST);
	wake(&slot->done);
}

static uint16_t port_at(long call, int fd)
{
	struct sockaddr_in6 address = {0}; /* v4 has its port in the same place */
	socklen_t length = sizeof address;
	if (raw(call, fd, (long)&address, (long)&length, 0, 0) || address.sin6_family == AF_UNIX)
		return 0;
	return ntohs(address.sin6_port);
}

static void look_at(int fd, struct seen *seen)
{
	struct stat stat = {0};
	struct tcp_info info = {0};
	socklen_t length = sizeof info;
	int unread = 0;
	raw(SYS_fstat, fd, (long)&stat, 0, 0, 0);
	raw(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, (long)&info, (long)&length);
	/* Not of a pipe, which a child of popen reads when it likes. */
	if (S_ISSOCK(stat.st_mode))
		raw(SYS_ioctl, fd, FIONREAD, (long)&unread, 0, 0);
	long status = raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0), descriptor = raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0);
	*seen = (struct seen){.number = fd, .kind = stat.st_mode >> 12, .state = info.tcpi_state, .unread = unread};
	seen->flags = (status & O_NONBLOCK ? 1 : 0) | (descriptor & FD_CLOEXEC ? 2 : 0);
	seen->local = port_at(SYS_getsockname, fd);
	seen->remote = port_at(SYS_getpeername, fd);
}

static UNUSED void look_around(struct slot *slot)
{
	slot->seen_count = 0;
	for (int fd = 0; fd < NUMBERS; fd++)
		if (raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0) >= 0)
			look_at(fd, &slot->seen[slot->seen_count++]);
}

static int count_beyond(void)
{
	int count = 0;
	for (int fd = NUMBERS; fd < LIMIT; fd++)
		count += raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0) >= 0;
	return count;
}

/* This thread is an actor from now on. */
static UNUSED void be_born(int actor)
{
	struct slot *slot = &slots[actor];
	me = actor;
	slot->pid = raw(SYS_getpid, 0, 0, 0, 0, 0);
	slot->tid = raw(SYS_gettid, 0, 0, 0, 0, 0);
	slot->value = slot->pid == slot->tid ? count_beyond() : 0;
	look_around(slot);
	slot->done = slot->turn;
	__atomic_add_fetch(&slot->births, 1, __ATOMIC_SEQ_CST);
	wake(&slot->births);
	wake(&slot->done);
}

static UNUSED void map_stage(const char *path)
{
	int fd = raw(SYS_openat, AT_FDCWD, (long)path, O_RDWR | O_CLOEXEC, 0, 0);
	must(fd >= 0);
	slots = mmap(NULL, ACTORS * sizeof *slots, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(slots != MAP_FAILED);
	raw(SYS_close, fd, 0, 0, 0, 0);
}

#endif
