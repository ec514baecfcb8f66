//! Signals held back for a moment: blocked, and delivered when the mask is restored.
//!
//! A signal handler of the program may leave by `siglongjmp` the call that it has interrupted, and
//! `close` is such a call. So while a hook has something that it must give back (an open
//! descriptor, a slot, an epoll set that it has left), no handler runs; it runs when the hook
//! returns.
//!
//! Signals that the processor raises are not blocked: the kernel ends a process that has blocked
//! its `SIGSEGV`.
//!
//! Context: async-signal-safe; concerns the calling thread only.

use crate::sys::raw::{nr, syscall6};
use rustix::io::{Errno, Result};

/// The signal mask that the calling thread had before; [`Mask::let_in`] restores it.
#[derive(Clone, Copy, Debug)]
#[must_use = "the signals stay blocked until `let_in` is called"]
pub struct Mask(u64);

/// The signals that the processor raises: `SIGILL`, `SIGTRAP`, `SIGBUS`, `SIGFPE`, `SIGSEGV`,
/// `SIGSYS`.
const RAISED: [u32; 6] = [4, 5, 7, 8, 11, 31];

/// Blocks all signals that another thread, a timer or the terminal may send, libc's own included.
/// `None` where the kernel refuses.
pub fn hold() -> Option<Mask> {
    let raised = RAISED.iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
    set(!raised).ok()
}

/// Blocks every signal, for a thread that is never to run a handler.
///
/// # Errors
/// What a seccomp filter answers, such as `EPERM`.
pub fn hold_all() -> Result<Mask> {
    set(u64::MAX)
}

/// Blocks, on the calling thread and for good, all signals that another thread, a timer or the
/// terminal may send.
pub fn block_signals() {
    let _ = hold();
}

impl Mask {
    /// Restores the mask. Signals that came meanwhile are delivered now.
    pub fn let_in(self) {
        let _ = set(self.0);
    }
}

/// Calls `write` so that no signal of it is delivered to the program: not `SIGPIPE`, where a pipe
/// has no reader, and not `SIGXFSZ`, beyond `RLIMIT_FSIZE`. A signal that was pending before stays
/// pending.
///
/// # Errors
/// Those of `write`, such as `EPIPE` and `EFBIG`.
pub fn quietly<T>(write: impl FnOnce() -> Result<T>) -> Result<T> {
    const SIG_BLOCK: usize = 0;
    const RAISED: u64 = 1 << (13 - 1) | 1 << (25 - 1);
    let before = pending()?;
    let mask = change(SIG_BLOCK, RAISED)?;
    let result = write();
    if matches!(result, Err(Errno::PIPE | Errno::FBIG)) {
        take(RAISED & !before);
    }
    mask.let_in();
    result
}

/// The blocked signals that are pending for the calling thread.
fn pending() -> Result<u64> {
    let mut found = 0u64;
    // SAFETY: the kernel writes one u64.
    unsafe { syscall6(nr::RT_SIGPENDING, [(&raw mut found) as usize, 8, 0, 0, 0, 0]) }?;
    Ok(found)
}

/// Discards one of these blocked signals, if one is pending.
fn take(signals: u64) {
    let no_time = [0u64; 2];
    let args = [(&raw const signals) as usize, 0, no_time.as_ptr() as usize, 8, 0, 0];
    // SAFETY: the kernel reads one u64 and one timespec.
    let _ = unsafe { syscall6(nr::RT_SIGTIMEDWAIT, args) };
}

/// Sets the mask by a raw system call: libc would keep two signals of its own out of it.
fn set(mask: u64) -> Result<Mask> {
    const SIG_SETMASK: usize = 2;
    change(SIG_SETMASK, mask)
}

fn change(how: usize, mask: u64) -> Result<Mask> {
    let mut old = 0u64;
    let (new, old_at) = ((&raw const mask) as usize, (&raw mut old) as usize);
    // SAFETY: the kernel reads one u64 and writes another.
    unsafe { syscall6(nr::RT_SIGPROCMASK, [how, new, old_at, 8, 0, 0]) }?;
    Ok(Mask(old))
}
