/* Every road on which a program gives a descriptor up, by name. */
#ifndef ROAD_H
#define ROAD_H

#include "image.h"

static UNUSED int null_file(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(fd >= 0);
	return fd;
}

/* Younger machines, such as aarch64, have dup3 alone. */
static UNUSED long dup2_by_syscall(int other, int fd)
{
#ifdef SYS_dup2
	return syscall(SYS_dup2, other, fd);
#else
	return dup2(other, fd);
#endif
}

static UNUSED int cover(const char *road, int other, int fd)
{
	if (!strcmp(road, "dup2"))
		return dup2(other, fd);
	if (!strcmp(road, "dup3"))
		return dup3(other, fd, O_CLOEXEC);
	if (!strcmp(road, "SYS_dup2"))
		return dup2_by_syscall(other, fd);
	must(!strcmp(road, "SYS_dup3"));
	return syscall(SYS_dup3, other, fd, 0);
}

/* The number stays in use, as it does in Java. */
static UNUSED void leave_by_cover(const char *road, int fd)
{
	int other = null_file();
	must(cover(road, other, fd) == fd);
	must(close(other) == 0);
}

static UNUSED void leave_by_stream(const char *road, int fd)
{
	FILE *stream = fdopen(fd, "r+");
	must(stream);
	if (!strcmp(road, "freopen"))
		must(freopen("/dev/null", "r+", stream) == stream);
	if (!strcmp(road, "freopen64"))
		must(freopen64("/dev/null", "r+", stream) == stream);
	must(fclose(stream) == 0);
}

static UNUSED int close_numbers(const char *road, int first, unsigned last, int flags)
{
	if (!strcmp(road, "close_range"))
		return close_range(first, last, flags);
	must(!strcmp(road, "SYS_close_range"));
	return syscall(SYS_close_range, first, last, flags);
}

/* The image that "execve" leads to: "PROGRAM left". First in main. */
static UNUSED void left_if_told(int count, char **arguments)
{
	if (count != 2 || strcmp(arguments[1], "left"))
		return;
	while (wait(NULL) > 0 || errno == EINTR)
		;
	exit(0);
}

/* `closefrom` takes whatever is above as well. */
static UNUSED void leave_by(const char *road, int fd)
{
	if (!strcmp(road, "close")) {
		must(close(fd) == 0);
	} else if (!strcmp(road, "SYS_close")) {
		must(syscall(SYS_close, fd) == 0);
	} else if (!strcmp(road, "closefrom")) {
		closefrom(fd);
	} else if (strstr(road, "close_range")) {
		must(close_numbers(road, fd, fd, 0) == 0);
	} else if (strstr(road, "dup")) {
		leave_by_cover(road, fd);
	} else if (!strcmp(road, "execve")) {
		close_on_exec(fd);
		become(road, "left");
	} else {
		must(!strcmp(road, "fclose") || !strncmp(road, "freopen", 7));
		leave_by_stream(road, fd);
	}
}

#endif
