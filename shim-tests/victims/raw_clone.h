/* Processes made past libc's wrappers. */
#ifndef RAW_CLONE_H
#define RAW_CLONE_H

#include "victim.h"
#include <sched.h>

#if defined __x86_64__
static UNUSED long clone_by_instruction(void)
{
	long result;
	register long stack_pointer_of_child __asm__("r10") = 0;
	register long tls __asm__("r8") = 0;
	__asm__ volatile("syscall"
		: "=a"(result)
		: "0"((long)SYS_clone), "D"((long)SIGCHLD), "S"(0L), "d"(0L), "r"(stack_pointer_of_child), "r"(tls)
		: "rcx", "r11", "memory");
	return result < 0 ? -1 : result;
}
#elif defined __aarch64__
static UNUSED long clone_by_instruction(void)
{
	register long number __asm__("x8") = SYS_clone;
	register long result __asm__("x0") = SIGCHLD;
	register long a1 __asm__("x1") = 0, a2 __asm__("x2") = 0, a3 __asm__("x3") = 0, a4 __asm__("x4") = 0;
	__asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
	return result < 0 ? -1 : result;
}
#else
static UNUSED long clone_by_instruction(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
#endif

/* In the child 0, as fork. glibc's clone needs a function: see clone_stack.c. */
static UNUSED pid_t new_process(const char *way)
{
	if (!strcmp(way, "syscall"))
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!strcmp(way, "instruction"))
		return clone_by_instruction();
	if (!strcmp(way, "_Fork"))
		return _Fork();
	must(!strcmp(way, "fork"));
	return fork();
}

#endif
