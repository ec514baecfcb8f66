/* F_GETOWN by number answers the negative id of a process group, which may be any negative number. */
#include "victim.h"

int main(void)
{
	pid_t group = 0;
	/* Below -4095, where no error is. */
	while (group <= 4095) {
		group = fork();
		if (group == 0) {
			pause();
			return 0;
		}
		must(group > 0 && (group > 4095 || (kill(group, SIGKILL) == 0 && waitpid(group, NULL, 0) == group)));
	}
	int socket_of_ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(setpgid(group, group) == 0 && fcntl(socket_of_ours, F_SETOWN, -group) == 0);
	say("the group: %d", syscall(SYS_fcntl, socket_of_ours, F_GETOWN) == -group);
	must(kill(group, SIGKILL) == 0 && waitpid(group, NULL, 0) == group);
	return 0;
}
