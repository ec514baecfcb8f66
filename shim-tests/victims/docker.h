/* A filter of the shape that containers start their programs under: errors instead
 * of signals, clone without new namespaces, clone3 as if there were none. */
#ifndef DOCKER_H
#define DOCKER_H

#include "filter.h"

static void refuse_namespaces(void)
{
	const unsigned of_namespaces = 0x7E020000;
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])));
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, of_namespaces, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static UNUSED void like_docker(void)
{
	static const long refused[] = {
		SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_swapon, SYS_swapoff, SYS_reboot,
		SYS_sethostname, SYS_setdomainname, SYS_init_module, SYS_delete_module, SYS_finit_module, SYS_kexec_load,
		SYS_add_key, SYS_request_key, SYS_keyctl, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_kcmp,
		SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_open_by_handle_at, SYS_io_uring_setup,
		SYS_io_uring_enter, SYS_io_uring_register, SYS_acct, SYS_settimeofday, SYS_clock_settime,
#ifdef SYS_iopl
		SYS_iopl, SYS_ioperm,
#endif
	};
	begin_filter();
	for (size_t at = 0; at < sizeof refused / sizeof *refused; at++)
		rule(refused[at], SECCOMP_RET_ERRNO | EPERM);
	rule(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	refuse_namespaces();
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 450, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
	end_filter(SECCOMP_RET_ALLOW);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

#endif
