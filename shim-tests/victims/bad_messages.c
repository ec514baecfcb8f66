/* Messages that cannot be sent: what sendmsg and sendmmsg answer to bad pointers. */
#include "passing.h"
#include "round_trip.h"
#include <sys/mman.h>

static int link_to[2];

static void try_message(const char *what, const struct msghdr *message)
{
	errno = 0;
	ssize_t result = sendmsg(link_to[0], message, MSG_DONTWAIT | MSG_NOSIGNAL);
	say("sendmsg %s: %zd %s", what, result, strerrorname_np(errno));
	errno = 0;
	int count = sendmmsg(link_to[0], (struct mmsghdr *)message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	say("sendmmsg %s: %d %s", what, count, strerrorname_np(errno));
}

int main(void)
{
	struct parcel parcel;
	unix_pair(link_to);
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
	try_message("at no address", NULL);
	try_message("at a bad address", (void *)-1);
	try_message("beyond the last page", (void *)(pages + 4096));
	try_message("that ends beyond it", (void *)(pages + 4096 - 16));
	prepare_parcel(&parcel);
	parcel.message.msg_control = NULL;
	try_message("without control data where some is promised", &parcel.message);
	parcel.message.msg_control = pages + 4096 - 8;
	try_message("with control data that ends beyond it", &parcel.message);
	parcel.message.msg_control = pages;
	parcel.message.msg_controllen = SIZE_MAX;
	try_message("with endless control data", &parcel.message);
	struct cmsghdr *header = (struct cmsghdr *)(pages + 4096 - sizeof *header);
	*header = (struct cmsghdr){.cmsg_len = SIZE_MAX / 2, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	parcel.message.msg_control = header;
	parcel.message.msg_controllen = sizeof *header;
	try_message("with a length that is a lie", &parcel.message);
	header->cmsg_len = SIZE_MAX;
	try_message("with the greatest length", &parcel.message);
	return 0;
}
