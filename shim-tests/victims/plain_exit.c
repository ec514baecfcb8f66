/* Does nothing, prints nothing, and has an exit status of its own. */
#include "ending.h"

int main(void) { return STATUS; }
