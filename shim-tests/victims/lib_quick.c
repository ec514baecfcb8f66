/* A library whose constructor asks to be called by quick_exit. */
#include <stdlib.h>
#include <unistd.h>

static void last_word(void) { (void)!write(1, "last word\n", 10); }

__attribute__((constructor)) static void begin(void) { at_quick_exit(last_word); }
