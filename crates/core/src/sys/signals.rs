//! Signals held back for a moment.
//!
//! A handler of the program's may leave by `siglongjmp` whatever it has interrupted, and
//! `close` is a call that it may interrupt. So where a hook has something in its hands
//! that must be put down again (an open descriptor, a place, an epoll set that was left)
//! no handler runs: it runs as the hook returns.
//!
//! What the processor raises is let through: a blocked `SIGSEGV` ends the process.
//!
//! Context: async-signal-safe; of the calling thread only.

use super::raw::{nr, syscall6};
use rustix::io::{Errno, Result};

/// The mask of the calling thread, to be set again.
#[derive(Clone, Copy, Debug)]
#[must_use = "let them in again"]
pub struct Mask(u64);

/// `SIGILL`, `SIGTRAP`, `SIGBUS`, `SIGFPE`, `SIGSEGV`, `SIGSYS`.
const RAISED: [u32; 6] = [4, 5, 7, 8, 11, 31];

/// Holds back all signals that another thread, a timer or the terminal may send, libc's
/// own included. `None` where the kernel refuses.
pub fn hold() -> Option<Mask> {
    let raised = RAISED.iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
    set(!raised).ok()
}

/// Holds back every signal; for a thread that never runs a handler.
///
/// # Errors
/// `EPERM` under a filter.
pub fn hold_all() -> Result<Mask> {
    set(u64::MAX)
}

impl Mask {
    /// Sets it again: what came meanwhile is delivered now.
    pub fn let_in(self) {
        let _ = set(self.0);
    }
}

/// Makes a call that writes, without the signal that it may raise in the calling thread:
/// `SIGPIPE` where nobody reads, `SIGXFSZ` beyond `RLIMIT_FSIZE`.
///
/// # Errors
/// Those of `write`: `EPIPE`, `EFBIG`.
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

/// What waits for the calling thread to let it in.
fn pending() -> Result<u64> {
    let mut found = 0u64;
    // SAFETY: the kernel writes one u64.
    unsafe { syscall6(nr::RT_SIGPENDING, [(&raw mut found) as usize, 8, 0, 0, 0, 0]) }?;
    Ok(found)
}

/// Takes one of these, blocked ones, if it waits.
fn take(signals: u64) {
    let no_time = [0u64; 2];
    let args = [(&raw const signals) as usize, 0, no_time.as_ptr() as usize, 8, 0, 0];
    // SAFETY: the kernel reads one u64 and one timespec.
    let _ = unsafe { syscall6(nr::RT_SIGTIMEDWAIT, args) };
}

/// By system call: libc keeps two signals out of every mask.
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
