/* The program ends with its connection open, and some handler of the end closes
 * it, or ends the process itself.
 *
 * late (atexit|on_exit|thread|destructor) (close|_exit) */
#include "ending.h"

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *) __attribute__((weak));
extern void *__dso_handle;

static int conn = -1, closes, is_registered;

static void late(void)
{
	if (closes)
		must(close(conn) == 0);
	else
		_exit(STATUS);
}

static void late_with_status(int status, void *nothing)
{
	(void)nothing;
	must(status == STATUS || !closes);
	late();
}

static void late_of_thread(void *nothing)
{
	(void)nothing;
	late();
}

__attribute__((destructor)) static void last(void)
{
	if (!is_registered && conn >= 0)
		late();
}

static void expect_the_end_by(const char *way)
{
	is_registered = strcmp(way, "destructor");
	if (!strcmp(way, "atexit"))
		must(atexit(late) == 0);
	else if (!strcmp(way, "on_exit"))
		must(on_exit(late_with_status, NULL) == 0);
	else if (!strcmp(way, "thread"))
		must(__cxa_thread_atexit_impl && __cxa_thread_atexit_impl(late_of_thread, NULL, __dso_handle) == 0);
	else
		must(!is_registered);
}

int main(int count, char **arguments)
{
	must(count == 3);
	closes = !strcmp(arguments[2], "close");
	expect_the_end_by(arguments[1]);
	conn = accept_one(listen_tcp());
	respond(conn, 0, read_request(conn));
	return closes ? STATUS : 0;
}
