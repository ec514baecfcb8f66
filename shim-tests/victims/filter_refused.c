/* An ordinary user may not install a filter without giving up privileges first; the
 * server goes on without any. */
#include "filter.h"
#include "victim.h"

int main(void)
{
	if (geteuid() == 0)
		must(setgid(65534) == 0 && setuid(65534) == 0);
	int conn = accept_one(listen_tcp());
	begin_filter();
	end_filter(SECCOMP_RET_ALLOW);
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 && errno == EACCES);
	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 && errno == EACCES);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	say("closed");
	wait_for_the_end();
	return 0;
}
