/* A program for another libc, with everything that a hook stands before. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *closer(void *fd)
{
	close(*(int *)fd);
	return NULL;
}

static void connections(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	pthread_t thread;
	char byte;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *)&address, length);
	listen(listener, 5);
	getsockname(listener, (struct sockaddr *)&address, &length);
	int here = socket(AF_INET, SOCK_STREAM, 0);
	connect(here, (struct sockaddr *)&address, length);
	int there = accept(listener, NULL, NULL);
	pthread_create(&thread, NULL, closer, &there);
	pthread_join(thread, NULL);
	printf("end: %d\n", (int)recv(here, &byte, 1, 0));
}

static int status_of(pid_t child)
{
	int status = 0;
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static pid_t spawned(void)
{
	char *arguments[] = {"sh", "-c", "exit 5", NULL};
	pid_t child = 0;
	posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);
	return child;
}

int main(void)
{
	connections();
	pid_t child = fork();
	if (child == 0)
		_exit(3);
	printf("fork: %d\n", status_of(child));
	child = vfork();
	if (child == 0)
		_exit(4);
	printf("vfork: %d\n", status_of(child));
	printf("spawn: %d\n", status_of(spawned()));
	printf("system: %d\n", WEXITSTATUS(system("exit 6")));
	printf("dup2: %d\n", dup2(1, 9));
	printf("close: %d, setuid: %d\n", (int)syscall(SYS_close, 9), setuid(getuid()));
	fflush(stdout);
	execlp("echo", "echo", "exec", (char *)0);
	return 1;
}
