/* A library that began first: what it does before a fork, it does after the shim has
 * looked. It makes a connection then, and closes one end of it. */
#include "victim.h"

static void speak(void)
{
	int pair[2];
	tcp_pair(pair);
	must(close(pair[1]) == 0);
}

__attribute__((constructor)) static void begin(void) { pthread_atfork(speak, NULL, NULL); }
