/* A server asks what sandboxes there could be, tries one that the kernel refuses,
 * and goes on without any. */
#include "sandbox.h"

int main(void)
{
	unsigned action = SECCOMP_RET_ERRNO;
	int conn = accept_one(listen_tcp());
	must(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0);
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, NULL) < 0 && errno == EFAULT);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
