/* As blocking.c over IPv6. */
#include "victim.h"

int main(void)
{
	at_most_a_minute();
	int listener = listener_for(AF_INET6, 0);
	announce(listener);
	serve_early(listener, 1);
	return 0;
}
