//! x86_64.
//!
//! Source: System V ABI, AMD64 supplement; `entry_SYSCALL_64` in the kernel.

use core::arch::{asm, naked_asm};
use rustix::io::Result;

pub mod nr;

/// `EM_X86_64` (`elf-em.h`).
pub const ELF_MACHINE: u16 = 62;

/// Makes system call `nr` with six arguments, and answers its result.
///
/// # Errors
/// The error of the system call.
///
/// # Safety
///
/// The arguments must be valid for that system call: every pointer must be valid for what the kernel
/// reads or writes through it.
pub unsafe fn syscall6(nr: usize, args: [usize; 6]) -> Result<usize> {
    let [a, b, c, d, e, f] = args;
    let ret: isize;
    // SAFETY: as the system call ABI says, rcx and r11 are clobbered and the stack is not touched; the
    // caller says that the arguments are valid.
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => ret, in("rdi") a, in("rsi") b, in("rdx") c,
             in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    super::result(ret)
}

/// Prepares the storage of a new thread at address `at`, where its thread pointer will point to: the first
/// word there is its own address, as the ABI requires. Answers the thread pointer.
///
/// # Safety
/// `at` must be writable for three words.
pub unsafe fn thread_pointer(at: *mut usize) -> usize {
    // SAFETY: the caller's.
    unsafe {
        at.write(at as usize);
        at.add(2).write(at as usize);
    }
    at as usize
}

/// `clone(2)`. The new thread pops its body and the argument from the stack, calls the body, and
/// ends. Where a seccomp filter refuses `exit(2)`, it notes that, clears its id as the kernel would,
/// and sleeps.
///
/// # Safety
/// `stack` must be aligned to 16 and begin with a body and its argument, and the words for the thread id must be
/// static.
#[unsafe(naked)]
pub unsafe extern "C" fn clone_thread(flags: usize, stack: usize, ptid: usize, ctid: usize, tls: usize) -> isize {
    naked_asm!(
        "mov r10, rcx",
        "mov eax, {clone}",
        "syscall",
        "test rax, rax",
        "jz 2f",
        "ret",
        "2:",
        "xor ebp, ebp",
        "mov rbx, r10", // the word for the thread id
        "pop rax",
        "pop rdi",
        "call rax",
        "xor edi, edi",
        "mov eax, {exit}", // this thread only
        "syscall",
        // Refused. From here on the stack is not used: another thread may get it.
        "mov byte ptr [rip + {is_exit_refused}], 1",
        "mov dword ptr [rbx], 0",
        "3:",
        "xor edi, edi",
        "xor esi, esi",
        "xor edx, edx",
        "xor r10d, r10d",
        "mov eax, {ppoll}", // nothing, for ever
        "syscall",
        "jmp 3b",
        clone = const nr::CLONE,
        exit = const nr::EXIT,
        ppoll = const nr::PPOLL,
        is_exit_refused = sym super::IS_EXIT_REFUSED,
    )
}

/// `clone(2)`. The child calls `body(argument)`, which does not return.
///
/// # Safety
/// `stack` must be the upper end of a stack, aligned to 16.
#[unsafe(naked)]
pub unsafe extern "C" fn clone_process(flags: usize, stack: usize, body: usize, argument: usize) -> isize {
    naked_asm!(
        "mov r8, rdx",
        "mov r9, rcx",
        "xor edx, edx",
        "xor r10d, r10d",
        "mov eax, {clone}",
        "syscall",
        "test rax, rax",
        "jz 2f",
        "ret",
        "2:",
        "xor ebp, ebp",
        "mov rdi, r9",
        "call r8",
        "ud2",
        clone = const nr::CLONE,
    )
}

/// `rt_sigreturn(2)`, to which a handler returns.
///
/// # Safety
/// The kernel has put the frame of a signal on the stack.
#[unsafe(naked)]
pub unsafe extern "C" fn end_of_handler() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

/// The thread pointer, and the address of the table of thread-local storage (`tcbhead_t` of glibc,
/// `struct pthread` of musl).
#[inline(always)]
pub fn own_block() -> [usize; 2] {
    let (itself, table): (usize, usize);
    // SAFETY: the ABI has the first word there; with it, libc maps a whole block.
    unsafe {
        asm!("mov {}, fs:[0]", "mov {}, fs:[8]", lateout(reg) itself, lateout(reg) table,
             options(readonly, nostack, preserves_flags));
    }
    [itself, table]
}

/// A request to Valgrind, with the address of its six words. Outside of Valgrind it does nothing, and 0 is answered
/// (valgrind.h, `VALGRIND_DO_CLIENT_REQUEST`).
#[cfg(not(miri))]
pub fn client_request(words: &[usize; 6]) -> usize {
    let answer;
    // SAFETY: this rotates a register by twice its width, and exchanges one with itself. Valgrind
    // reads the six words.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") words.as_ptr(), inout("rdx") 0usize => answer, options(nostack, readonly)
        );
    }
    answer
}
