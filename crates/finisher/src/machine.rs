//! Everything that depends on the processor, x86_64, except the entry point (`program.rs`).

use core::arch::asm;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("softclose supports x86_64 Linux only");

#[allow(missing_docs)]
/// Numbers from `arch/x86/entry/syscalls/syscall_64.tbl`.
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

/// Makes system call `nr`; a negative answer is the complement of an errno, as the kernel
/// gives it.
///
/// # Safety
///
/// The arguments must be valid for that system call: every pointer must be good for what
/// the kernel does with it.
pub unsafe fn syscall6(nr: usize, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let answer: isize;
    // SAFETY: the system call ABI: rcx and r11 are clobbered, the stack is not touched; the
    // caller answers for the arguments.
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => answer, in("rdi") a, in("rsi") b, in("rdx") c,
             in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}
