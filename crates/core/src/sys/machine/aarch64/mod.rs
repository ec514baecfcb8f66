//! aarch64, little-endian.
//!
//! Source: Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64); ELF for the Arm 64-bit
//! Architecture; `el0_svc` in the kernel.

use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use rustix::io::Result;

pub mod nr;

/// `EM_AARCH64` (`elf-em.h`).
pub const ELF_MACHINE: u16 = 183;

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
    // SAFETY: as the system call ABI says, all registers but x0 are kept and the stack is not touched; the
    // caller says that the arguments are valid.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a as isize => ret, in("x1") b, in("x2") c, in("x3") d,
             in("x4") e, in("x5") f, options(nostack));
    }
    super::result(ret)
}

/// Prepares the storage of a new thread at address `at`, where its thread pointer will point to. Nothing has to
/// be there. Answers the thread pointer.
///
/// # Safety
/// None here; on other machines `at` must be writable.
pub unsafe fn thread_pointer(at: *mut usize) -> usize {
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
        // The kernel expects ptid, tls, ctid (CONFIG_CLONE_BACKWARDS).
        "mov x9, x3",
        "mov x3, x4",
        "mov x4, x9",
        "mov x8, {clone}",
        "svc #0",
        "cbz x0, 2f",
        "ret",
        "2:",
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x19, x9", // the word for the thread id
        "ldp x1, x0, [sp], #16",
        "blr x1",
        "mov x0, xzr",
        "mov x8, {exit}", // this thread only
        "svc #0",
        // Refused. From here on the stack is not used: another thread may get it.
        "adrp x1, {is_exit_refused}",
        "mov w2, #1",
        "strb w2, [x1, :lo12:{is_exit_refused}]",
        "str wzr, [x19]",
        "3:",
        "mov x0, xzr",
        "mov x1, xzr",
        "mov x2, xzr",
        "mov x3, xzr",
        "mov x8, {ppoll}", // nothing, for ever
        "svc #0",
        "b 3b",
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
        "mov x9, x2",
        "mov x10, x3",
        "mov x2, xzr",
        "mov x3, xzr",
        "mov x4, xzr",
        "mov x8, {clone}",
        "svc #0",
        "cbz x0, 2f",
        "ret",
        "2:",
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x0, x10",
        "blr x9",
        "brk #1",
        clone = const nr::CLONE,
    )
}

/// `rt_sigreturn(2)`, to which a handler returns.
///
/// # Safety
/// The kernel has put the frame of a signal on the stack.
#[unsafe(naked)]
pub unsafe extern "C" fn end_of_handler() {
    naked_asm!("mov x8, #139", "svc #0", "brk #1")
}

/// Where libc keeps the address of the table of thread-local storage: at the thread pointer (`tcbhead_t` of glibc),
/// or in the word before it (`struct pthread` of musl).
static IS_TABLE_BEFORE: AtomicBool = AtomicBool::new(cfg!(target_env = "musl"));

/// To be called in the constructor: the libc of the program is musl, or is not.
pub fn note_libc(is_musl: bool) {
    IS_TABLE_BEFORE.store(is_musl, Relaxed);
}

/// The thread pointer, and the address of the table of thread-local storage.
#[inline(always)]
pub fn own_block() -> [usize; 2] {
    let itself: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidr_el0", lateout(reg) itself, options(nomem, nostack, preserves_flags)) };
    if itself == 0 {
        return [0, 0];
    }
    let at = itself as *const usize;
    // SAFETY: libc's control block lies around the thread pointer.
    let table = unsafe { at.wrapping_sub(usize::from(IS_TABLE_BEFORE.load(Relaxed))).read() };
    [itself, table]
}

/// A request to Valgrind, with the address of its six words. Outside of Valgrind it does nothing, and 0 is answered
/// (valgrind.h, `VALGRIND_DO_CLIENT_REQUEST`).
#[cfg(not(miri))]
pub fn client_request(words: &[usize; 6]) -> usize {
    let answer;
    // SAFETY: this rotates a register by twice its width, and combines one with itself. Valgrind
    // reads the six words.
    unsafe {
        asm!(
            "ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #51", "ror x12, x12, #61",
            "orr x10, x10, x10",
            inout("x3") 0usize => answer, in("x4") words.as_ptr(), options(nostack, readonly)
        );
    }
    answer
}
