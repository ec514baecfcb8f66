//! Everything that depends on the processor, except the entry point (`program.rs`).

use core::arch::asm;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("softclose supports Linux on x86_64 and aarch64 only");

/// Numbers from `arch/x86/entry/syscalls/syscall_64.tbl`.
#[allow(missing_docs)]
#[cfg(target_arch = "x86_64")]
pub mod nr {
    pub const CLOSE: usize = 3;
    pub const MMAP: usize = 9;
    pub const RT_SIGPROCMASK: usize = 14;
    pub const IOCTL: usize = 16;
    pub const RECVFROM: usize = 45;
    pub const SHUTDOWN: usize = 48;
    pub const GETSOCKOPT: usize = 55;
    pub const GETPPID: usize = 110;
    pub const PRCTL: usize = 157;
    pub const CLOCK_GETTIME: usize = 228;
    pub const EXIT_GROUP: usize = 231;
    pub const PPOLL: usize = 271;
    pub const PIDFD_OPEN: usize = 434;
}

/// Numbers from `include/uapi/asm-generic/unistd.h`.
#[allow(missing_docs)]
#[cfg(target_arch = "aarch64")]
pub mod nr {
    pub const IOCTL: usize = 29;
    pub const CLOSE: usize = 57;
    pub const PPOLL: usize = 73;
    pub const EXIT_GROUP: usize = 94;
    pub const CLOCK_GETTIME: usize = 113;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const PRCTL: usize = 167;
    pub const GETPPID: usize = 173;
    pub const RECVFROM: usize = 207;
    pub const GETSOCKOPT: usize = 209;
    pub const SHUTDOWN: usize = 210;
    pub const MMAP: usize = 222;
    pub const PIDFD_OPEN: usize = 434;
}

/// Makes system call `nr`; a negative answer is the complement of an errno, as the kernel
/// gives it.
///
/// # Safety
///
/// The arguments must be valid for that system call: every pointer must be good for what
/// the kernel does with it.
pub unsafe fn syscall6(nr: usize, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the system call ABI: the stack is not touched, and only the named registers are
    // changed; the caller answers for the arguments.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", inlateout("rax") nr as isize => answer, in("rdi") a, in("rsi") b, in("rdx") c,
             in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
        #[cfg(target_arch = "aarch64")]
        asm!("svc #0", in("x8") nr, inlateout("x0") a as isize => answer, in("x1") b, in("x2") c,
             in("x3") d, in("x4") e, in("x5") f, options(nostack));
    }
    answer
}
