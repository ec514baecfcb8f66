/* A library whose constructor opens, copies and closes connections, and forks. */
#include "early.h"

__attribute__((constructor)) static void begin(void) { work_with_connections(); }
