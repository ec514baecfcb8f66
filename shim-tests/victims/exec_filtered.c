/* A child installs a filter that allows everything, and executes another program; its copy
 * of the connection, which is close-on-exec, goes with that. The parent closes. */
#include "victim.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = 1, .filter = &allow};
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

int main(void)
{
	int listener = listen_tcp(), executed[2];
	int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char end;
	must(conn >= 0 && pipe2(executed, O_CLOEXEC) == 0);
	pid_t child = fork();
	if (child == 0) {
		filter();
		execl("/bin/cat", "cat", NULL);
		die("exec");
	}
	must(close(executed[1]) == 0);
	must(read(executed[0], &end, 1) == 0);
	respond(conn, 0, read_request(conn));
	must(close(conn) == 0);
	wait_for_child(child);
	return 0;
}
