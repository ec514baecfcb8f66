/* System calls that no symbol of libc is called for, as some runtimes make them. */
#ifndef BY_INSTRUCTION_H
#define BY_INSTRUCTION_H

#include "victim.h"

static UNUSED long by_instruction(long number, long first, long second, long third, long fourth)
{
#if defined __x86_64__
	long result;
	register long r10 __asm__("r10") = fourth;
	/* Some calls want what they do not use to be zero. */
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall"
		: "=a"(result)
		: "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
		: "rcx", "r11", "memory");
	return result;
#elif defined __aarch64__
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second, x2 __asm__("x2") = third, x3 __asm__("x3") = fourth;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#else
	return syscall(number, first, second, third, fourth);
#endif
}

#endif
