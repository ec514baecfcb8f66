/* A request of the kernel's aio waits for a connection, and so holds it when its number
 * is closed: its peer sees no end before that request does. */
#include "round_trip.h"
#include <linux/aio_abi.h>

int main(void)
{
	int pair[2];
	aio_context_t context = 0;
	at_most_a_minute();
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	if (syscall(SYS_io_setup, 1, &context))
		unsupported("io_setup");
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = pair[1], .aio_buf = POLLIN}, *requests = &request;
	if (syscall(SYS_io_submit, context, 1, &requests) != 1)
		unsupported("IOCB_CMD_POLL");
	must(close(pair[1]) == 0);
	struct pollfd peer = {.fd = pair[0], .events = POLLIN};
	say("the peer sees: %s", poll(&peer, 1, 300) ? "the end" : "nothing");
	must(send(pair[0], "x", 1, MSG_NOSIGNAL) == 1);
	struct io_event event;
	say("requests done: %ld", syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
	return 0;
}
