/* seccomp filters in a few words. */
#ifndef FILTER_H
#define FILTER_H

#include "by_instruction.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { MOST_RULES = 400 };

static struct sock_filter rules[2 * MOST_RULES + 8];
static struct sock_fprog filter = {.filter = rules};

static void add(struct sock_filter rule) { rules[filter.len++] = rule; }

static UNUSED void begin_filter(void)
{
	filter.len = 0;
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
}

/* What is to become of this call. */
static UNUSED void rule(long number, unsigned action)
{
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Of all others. */
static UNUSED void end_filter(unsigned action) { add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action)); }

/* Past every symbol, as the program before us has done when a filter is inherited. */
static UNUSED void inherit_filter(void)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	must(by_instruction(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&filter, 0) == 0);
}

#endif
