/* Streams over anything but a connection are closed as libc does it. One
 * transcript. */
#include "stream.h"
#include <sys/mman.h>

#define try(call) (errno = 0, result = (call), say("%s: %d %s", #call, result, result ? strerrorname_np(errno) : ""))

static int result;

static ssize_t cookie_writes(void *cookie, const char *bytes, size_t size)
{
	(void)bytes;
	say("  %s: write %zu", (char *)cookie, size);
	return size;
}

static int cookie_closes(void *cookie)
{
	say("  %s: close", (char *)cookie);
	errno = EXDEV;
	return !strcmp(cookie, "bad cookie") ? EOF : 0;
}

static FILE *cookie(char *name)
{
	cookie_io_functions_t functions = {.write = cookie_writes, .close = cookie_closes};
	FILE *stream = fopencookie(name, "w", functions);
	must(stream && fputs("content", stream) >= 0);
	return stream;
}

static FILE *writing(const char *path)
{
	FILE *stream = fopen(path, "w");
	must(stream && fputs("content", stream) >= 0);
	return stream;
}

static void files(void)
{
	FILE *stream = tmpfile();
	must(stream && fputs("content", stream) >= 0);
	try(fclose(stream));
	stream = writing("/dev/null");
	try(fclose(stream));
	stream = writing("/dev/full");
	try(fclose(stream));
	stream = writing("/dev/null");
	must(close(fileno(stream)) == 0);
	try(fclose(stream));
	stream = writing("/dev/null");
	try(freopen("/dev/zero", "r", stream) != stream);
	try(fgetc(stream));
	try(fclose(stream));
}

/* A reader gives back what it has read too much of. */
static void offsets(void)
{
	int fd = memfd_create("content", 0), copy = dup(fd);
	must(write(fd, "one\ntwo\n", 8) == 8 && lseek(fd, 0, SEEK_SET) == 0);
	FILE *stream = fdopen(fd, "r");
	char line[16];
	must(stream && fgets(line, sizeof line, stream));
	try(fclose(stream));
	try((int)lseek(copy, 0, SEEK_CUR));
}

static void pipes(void)
{
	int ends[2];
	char text[8] = "";
	must(pipe(ends) == 0);
	FILE *stream = fdopen(ends[1], "w");
	must(stream && fputs("tail", stream) >= 0);
	try(fclose(stream));
	try((int)read(ends[0], text, sizeof text));
	try((int)read(ends[0], text, sizeof text));
	must(pipe(ends) == 0 && close(ends[0]) == 0);
	stream = fdopen(ends[1], "w");
	must(stream && fputs("tail", stream) >= 0);
	try(fclose(stream));
}

static void memory(void)
{
	char buffer[4], *grown = NULL;
	size_t size;
	FILE *stream = fmemopen(buffer, sizeof buffer, "w");
	must(stream && fputs("longer than that", stream) >= 0);
	try(fclose(stream));
	stream = open_memstream(&grown, &size);
	must(stream && fputs("content", stream) >= 0);
	try(fclose(stream));
	say("  %zu %s", size, grown);
}

static void cookies(void)
{
	FILE *stream = cookie("cookie");
	try(fclose(stream));
	stream = cookie("bad cookie");
	try(fclose(stream));
}

/* As pclose does, which a compiler that knows the stream warns of. */
static void processes(void)
{
	int (*volatile fclose_also)(FILE *) = fclose;
	FILE *stream = popen("exit 3", "r");
	must(stream);
	try(pclose(stream));
	stream = popen("exit 3", "r");
	must(stream);
	try(fclose_also(stream));
	stream = popen("cat", "w");
	must(stream && fputs("through cat\n", stream) >= 0);
	try(pclose(stream));
}

static void sockets(void)
{
	int pair[2];
	char text[8];
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[0], "unread", 6) == 6);
	FILE *stream = fdopen(pair[1], "r+");
	must(stream && fputs("tail", stream) >= 0);
	try(fclose(stream));
	try((int)recv(pair[0], text, sizeof text, 0));
	try((int)recv(pair[0], text, sizeof text, 0));
	stream = fdopen(listener_for(AF_INET, 0), "r+");
	try(fclose(stream));
}

int main(void)
{
	at_most_a_minute();
	signal(SIGPIPE, SIG_IGN);
	files();
	offsets();
	pipes();
	memory();
	cookies();
	processes();
	sockets();
	fclose(stdin);
	say("descriptor 0 is %s", fcntl(0, F_GETFD) < 0 ? "closed" : "open");
	return 0;
}
