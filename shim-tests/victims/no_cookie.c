/* A server on a kernel that does not know SO_COOKIE.
 *
 * no_cookie CONNECTIONS */
#include "filter.h"

static void refuse_cookies(void)
{
	begin_filter();
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_COOKIE, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT));
	end_filter(SECCOMP_RET_ALLOW);
	inherit_filter();
}

int main(int count, char **arguments)
{
	must(count == 2);
	int listener = listen_tcp();
	refuse_cookies();
	serve_early(listener, atoi(arguments[1]));
	return 0;
}
