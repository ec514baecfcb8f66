/* A second reference made by syscall(), past the functions of libc that make
 * one; then the first is closed.
 *
 * raw_reference (sendmsg|pidfd_getfd) */
#include "passing.h"
#include "round_trip.h"

static void send_raw(int link, int fd)
{
	struct parcel parcel;
	prepare_parcel(&parcel);
	struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	must(syscall(SYS_sendmsg, link, &parcel.message, 0) == 1);
}

static int taken_from_ourselves(int fd)
{
	int self = syscall(SYS_pidfd_open, getpid(), 0);
	if (self < 0)
		unsupported("pidfd_open");
	int copy = syscall(SYS_pidfd_getfd, self, fd, 0);
	if (copy < 0)
		unsupported("pidfd_getfd");
	return copy;
}

int main(int count, char **arguments)
{
	int pair[2], link[2], copy = -1;
	must(count == 2);
	at_most_a_minute();
	tcp_pair(pair);
	unix_pair(link);
	int by_message = !strcmp(arguments[1], "sendmsg");
	if (by_message)
		send_raw(link[0], pair[1]);
	else
		copy = taken_from_ourselves(pair[1]);
	must(close(pair[1]) == 0);
	if (by_message)
		copy = receive_fd(link[1], 0, 0);
	say("copy: %s", round_trip(copy, pair[0]));
	return 0;
}
