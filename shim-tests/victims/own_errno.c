/* Has an errno of its own for each thread, on its heap. (libc goes on with its own.) */
#include "victim.h"

static __thread int *own;

int *__errno_location(void)
{
	if (!own)
		must((own = calloc(1, sizeof *own)));
	return own;
}

static void *fail(void *nothing)
{
	(void)nothing;
	must(close(-1) == -1 && socket(-1, -1, -1) == -1);
	return NULL;
}

int main(void)
{
	at_most_a_minute();
	fail(NULL);
	must(pthread_join(start_thread(fail, NULL), NULL) == 0);
	say("done");
	return 0;
}
