//! What depends on the processor. All else in this crate is the same on every machine.
//!
//! Each folder has the same items:
//!
//! | item | what it is |
//! |---|---|
//! | `nr` | the numbers of system calls |
//! | `syscall6` | the bare system call |
//! | `clone_thread`, `thread_pointer` | a new thread of ours, and the storage that its thread pointer points to |
//! | `clone_process` | a new process on our memory |
//! | `end_of_handler` | what a signal handler returns to |
//! | `own_block` | what the thread pointer of the calling thread points to |
//! | `client_request` | a request to Valgrind |
//! | `ELF_MACHINE` | how ELF files name the machine |
//!
//! Context: async-signal-safe.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("softclose supports Linux on x86_64 and aarch64 only");

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

/// A thread of ours could not end, as a seccomp filter refuses `exit(2)`: it sleeps for ever.
pub(super) static IS_EXIT_REFUSED: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);

/// What a system call has answered. Errors are the numbers from -4095 to -1 (`MAX_ERRNO`, `include/linux/err.h`); other
/// negative numbers are results, as that of `F_GETOWN` for a process group.
fn result(answer: isize) -> rustix::io::Result<usize> {
    const ERRORS: core::ops::Range<isize> = -4095..0;
    if ERRORS.contains(&answer) {
        Err(rustix::io::Errno::from_raw_os_error(-(answer as i32)))
    } else {
        Ok(answer as usize)
    }
}
