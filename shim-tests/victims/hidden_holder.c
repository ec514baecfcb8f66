/* Pid 1 of a namespace whose procfs hides what belongs to others. As an ordinary user it
 * closes a connection that a child holds which has another user, and which it cannot see. */
#include "raw_clone.h"
#include "round_trip.h"
#include <sched.h>
#include <sys/mount.h>

static int pair[2], go_on[2], ready[2];

static void hold(void)
{
	char byte;
	at_most_a_minute();
	must(setuid(65533) == 0);
	must(write(ready[1], "x", 1) == 1);
	must(read(go_on[0], &byte, 1) == 1);
	send(pair[1], "x", 1, MSG_NOSIGNAL);
	pause();
}

static void as_pid_1(void)
{
	char byte;
	at_most_a_minute();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, "hidepid=2,gid=1"))
		unsupported("a procfs of its own");
	must(pipe(go_on) == 0 && pipe(ready) == 0);
	tcp_pair(pair);
	must(one_byte(pair[1], pair[0]) == NULL);
	/* By an instruction: no count covers it. */
	pid_t holder = clone_by_instruction();
	if (holder == 0)
		hold();
	must(holder > 0 && read(ready[0], &byte, 1) == 1);
	must(setgid(65534) == 0 && setuid(65534) == 0);
	must(close(pair[1]) == 0);
	must(write(go_on[1], "x", 1) == 1);
	say("the holder's answer: %s", recv(pair[0], &byte, 1, 0) == 1 ? "comes" : "end of the connection");
	_exit(0);
}

int main(void)
{
	if (unshare(CLONE_NEWPID))
		unsupported("unshare");
	pid_t process = fork();
	if (process == 0)
		as_pid_1();
	wait_for_child(process);
	return 0;
}
