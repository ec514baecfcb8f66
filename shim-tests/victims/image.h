/* The ways in which a process replaces its image, by name. */
#ifndef IMAGE_H
#define IMAGE_H

#include "victim.h"

static UNUSED const char *this_program(void)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	must(length > 0);
	path[length] = 0;
	return path;
}

/* One or two arguments after the name, as a list. */
static UNUSED int execute_by_list(const char *way, const char *path, char *const arguments[])
{
	const char *name = arguments[0], *first = arguments[1], *second = arguments[2];
	if (!strcmp(way, "execl"))
		return execl(path, name, first, second, NULL);
	if (!strcmp(way, "execlp"))
		return execlp(path, name, first, second, NULL);
	must(!strcmp(way, "execle"));
	if (second)
		return execle(path, name, first, second, NULL, environ);
	return execle(path, name, first, NULL, environ);
}

static UNUSED int execute_by_descriptor(const char *way, const char *path, char *const arguments[])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int result;
	if (!strcmp(way, "fexecve"))
		result = fexecve(fd, arguments, environ);
	else if (!strcmp(way, "execveat"))
		result = execveat(fd, "", arguments, environ, AT_EMPTY_PATH);
	else
		result = syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
	int error = errno;
	must(close(fd) == 0);
	errno = error;
	return result;
}

/* As exec: returns only when it has failed. */
static UNUSED int execute(const char *way, const char *path, char *const arguments[])
{
	if (!strcmp(way, "execve"))
		return execve(path, arguments, environ);
	if (!strcmp(way, "execv"))
		return execv(path, arguments);
	if (!strcmp(way, "execvp"))
		return execvp(path, arguments);
	if (!strcmp(way, "execvpe"))
		return execvpe(path, arguments, environ);
	if (!strcmp(way, "SYS_execve"))
		return syscall(SYS_execve, path, arguments, environ);
	if (!strcmp(way, "fexecve") || strstr(way, "execveat"))
		return execute_by_descriptor(way, path, arguments);
	return execute_by_list(way, path, arguments);
}

/* The program executes itself as "PROGRAM WORD". */
static UNUSED void become(const char *way, const char *word)
{
	const char *arguments[] = {this_program(), word, NULL};
	execute(way, this_program(), (char *const *)arguments);
	die(way);
}

static UNUSED void close_on_exec(int fd) { must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0); }

#endif
