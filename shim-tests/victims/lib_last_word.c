/* A library whose constructor asks to be called at the end with the status. It has
 * something to say then, past stdio. */
#include <stdlib.h>
#include <unistd.h>

static void last_word(int status, void *nothing)
{
	(void)nothing;
	(void)!write(1, status == 7 ? "status 7\n" : "another status\n", status == 7 ? 9 : 15);
}

__attribute__((constructor)) static void begin(void) { on_exit(last_word, NULL); }
