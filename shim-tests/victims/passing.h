/* Descriptors in SCM_RIGHTS messages. */
#ifndef PASSING_H
#define PASSING_H

#include "victim.h"

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

struct parcel {
	struct msghdr message;
	struct iovec data;
	char byte;
	union control control;
};

static UNUSED void prepare_parcel(struct parcel *parcel)
{
	memset(parcel, 0, sizeof *parcel);
	parcel->byte = 'f';
	parcel->data = (struct iovec){.iov_base = &parcel->byte, .iov_len = 1};
	parcel->message.msg_iov = &parcel->data;
	parcel->message.msg_iovlen = 1;
	parcel->message.msg_control = &parcel->control;
	parcel->message.msg_controllen = sizeof parcel->control;
}

/* A function of libc takes any bytes where a field has no name: musl has padding beside each length. */
static UNUSED void scribble_beside(struct parcel *parcel)
{
	struct msghdr named = parcel->message, *message = &parcel->message;
	memset(message, 0xff, sizeof *message);
	message->msg_name = named.msg_name;
	message->msg_namelen = named.msg_namelen;
	message->msg_iov = named.msg_iov;
	message->msg_iovlen = named.msg_iovlen;
	message->msg_control = named.msg_control;
	message->msg_controllen = named.msg_controllen;
	message->msg_flags = named.msg_flags;
	memset(&parcel->control, 0xff, sizeof parcel->control);
}

static UNUSED void send_fd(int link, int fd, int by_sendmmsg)
{
	struct parcel parcel;
	prepare_parcel(&parcel);
	scribble_beside(&parcel);
	struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	struct mmsghdr many = {.msg_hdr = parcel.message};
	must(by_sendmmsg ? sendmmsg(link, &many, 1, 0) == 1 : sendmsg(link, &parcel.message, 0) == 1);
}

static UNUSED int receive_fd(int link, int flags, int by_recvmmsg)
{
	struct parcel parcel;
	int fd;
	prepare_parcel(&parcel);
	struct mmsghdr many = {.msg_hdr = parcel.message};
	struct msghdr *message = by_recvmmsg ? &many.msg_hdr : &parcel.message;
	must(by_recvmmsg ? recvmmsg(link, &many, 1, flags, NULL) == 1 : recvmsg(link, message, flags) == 1);
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	must(header && header->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

static UNUSED void unix_pair(int link[2]) { must(socketpair(AF_UNIX, SOCK_STREAM, 0, link) == 0); }

#endif
