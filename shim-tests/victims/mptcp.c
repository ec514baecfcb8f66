/* As blocking.c over MPTCP, whose sockets are not of the protocol TCP but
 * close as TCP's do. */
#include "victim.h"

int main(void)
{
	at_most_a_minute();
	int listener = listener_for(AF_INET, IPPROTO_MPTCP);
	announce(listener);
	serve_early(listener, 1);
	return 0;
}
