/* A cancellation is pending when a thread makes calls by number. libc's functions for them are cancellation
 * points; `syscall` is none. */
#include "victim.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/un.h>

static int listener, pair[2], told;
static struct { const char *name; long result; int error; } results[16];

/* To write it would be a cancellation point. */
static void tell(const char *name, long result)
{
	results[told].name = name;
	results[told].result = result;
	results[told++].error = result < 0 ? errno : 0;
}

static void *calls(void *nothing)
{
	char byte = 'x';
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct mmsghdr messages = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	int spare = open("/dev/null", O_RDWR | O_CLOEXEC), socket_of_unix = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(spare >= 0 && socket_of_unix >= 0 && pthread_cancel(pthread_self()) == 0);
	tell("accept", syscall(SYS_accept, listener, NULL, NULL));
	tell("accept4", syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC));
	tell("connect", syscall(SYS_connect, socket_of_unix, &nowhere, sizeof nowhere));
	tell("sendmsg", syscall(SYS_sendmsg, pair[0], &messages.msg_hdr, 0));
	tell("recvmsg", syscall(SYS_recvmsg, pair[1], &messages.msg_hdr, 0));
	tell("sendmmsg", syscall(SYS_sendmmsg, pair[0], &messages, 1, 0));
	tell("recvmmsg", syscall(SYS_recvmmsg, pair[1], &messages, 1, MSG_DONTWAIT, NULL));
	tell("fcntl", syscall(SYS_fcntl, spare, F_GETFD));
	tell("dup3", syscall(SYS_dup3, 0, spare, O_CLOEXEC) == spare ? 0 : -1);
	tell("close_range", syscall(SYS_close_range, spare, spare, 0));
	tell("close", syscall(SYS_close, socket_of_unix));
	pthread_testcancel();
	return nothing;
}

int main(void)
{
	pthread_t thread;
	void *result;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(listener >= 0 && listen(listener, 1) == 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	must(pthread_create(&thread, NULL, calls, NULL) == 0 && pthread_join(thread, &result) == 0);
	for (int at = 0; at < told; at++)
		say("%s: %ld, errno %d", results[at].name, results[at].result, results[at].error);
	say("cancelled: %d", result == PTHREAD_CANCELED);
	return 0;
}
