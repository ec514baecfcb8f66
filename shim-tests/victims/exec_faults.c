/* An exec with arguments that cannot be read, or make no sense, fails as it does
 * natively, and the connection works on. */
#include "image.h"
#include "round_trip.h"
#include <sys/mman.h>

#define try(call) \
	do { \
		errno = 0; \
		int result = (call), error = errno; \
		say("%s: %d %s, the connection %s", #call, result, strerrorname_np(error), round_trip(pair[1], pair[0])); \
	} while (0)

/* Where nothing is, which a compiler that knew would warn of. */
static char *volatile nowhere = (char *)8;

/* A name without an end: the page behind it is not there. */
static char *endless_name(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(pages != MAP_FAILED && munmap(pages + page, page) == 0);
	return memset(pages + page - 4, '/', 4);
}

int main(void)
{
	int pair[2], self = open(this_program(), O_RDONLY | O_CLOEXEC);
	char *path = (char *)this_program(), *bad = nowhere, *endless = endless_name();
	char *list[] = {path, "left", NULL}, *bad_list[] = {path, bad, NULL}, *endless_list[] = {path, endless, NULL};
	at_most_a_minute();
	tcp_pair(pair);
	close_on_exec(pair[0]);
	close_on_exec(pair[1]);
	try(execve(bad, list, environ));
	try(execve(endless, list, environ));
	try(execve(path, (char **)bad, environ));
	try(execve(path, list, (char **)bad));
	try(execve(path, bad_list, environ));
	try(execve(path, endless_list, environ));
	try(execve(path, list, bad_list));
	try(execve("", list, environ));
	try(execv("", list));
	try(execvp("", list));
	try(execv(bad, list));
	try(execl("", "name", NULL));
	try(execlp("no-such-program-anywhere", "name", NULL));
	try(fexecve(-1, list, environ));
	try(fexecve(1000, list, environ));
	try(fexecve(self, (char **)bad, environ));
	try(execveat(self, "", list, environ, 0));
	try(execveat(self, "", list, environ, 1 << 20));
	try(execveat(AT_FDCWD, path, list, environ, 1 << 20));
	try(execveat(self, path, bad_list, environ, AT_EMPTY_PATH));
	try(execveat(self, "", bad_list, environ, AT_EMPTY_PATH));
	try(execveat(-1, "relative", list, environ, 0));
	try(execveat(self, "relative", list, environ, 0));
	try(execveat(AT_FDCWD, "/proc/self/exe", list, environ, AT_SYMLINK_NOFOLLOW));
	try(syscall(SYS_execve, bad, list, environ));
	try(syscall(SYS_execveat, self, "", list, environ, 1 << 20));
	return 0;
}
