/* A library that does nothing. */
int plain(void) { return 0; }
