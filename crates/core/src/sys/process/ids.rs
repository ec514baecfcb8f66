//! Ids of this process, its thread and its parent, and whether other processes exist.
//!
//! rustix has these calls, but takes them for infallible: where a seccomp filter answers an error,
//! it panics in a debug build, and otherwise takes the error for an id.
//!
//! Context: async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::raw::{nr, syscall6};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, PidfdFlags, pidfd_open, test_kill_process};

/// The id of this process; `None` where a seccomp filter refuses the call.
pub fn pid() -> Option<Pid> {
    ask(nr::GETPID)
}

/// The id of the calling thread; `None` where a seccomp filter refuses the call.
pub fn thread() -> Option<Pid> {
    ask(nr::GETTID)
}

/// Whether the parent has no id in our pid namespace, because it is in an outer one.
pub fn is_parent_outside() -> bool {
    // SAFETY: no arguments.
    let parent = unsafe { syscall6(nr::GETPPID, [0; 6]) };
    parent == Ok(0)
}

/// The id of the parent; `None` where it has none in our pid namespace, or where a seccomp filter
/// refuses the call.
pub fn parent() -> Option<Pid> {
    ask(nr::GETPPID)
}

/// Opens a descriptor of a process (`pidfd_open`), close-on-exec.
///
/// # Errors
/// `ENOSYS` before Linux 5.3. `ESRCH`: there is no such process, or `process` is `None`. `EMFILE`.
pub fn open(process: Option<Pid>) -> Result<Fd> {
    pidfd_open(process.ok_or(Errno::SRCH)?, PidfdFlags::empty()).map(Fd::adopt)
}

/// Whether no process has this pid any more, not even a zombie (`kill(2)` with signal 0).
pub fn has_gone(pid: Pid) -> bool {
    test_kill_process(pid) == Err(Errno::SRCH)
}

fn ask(number: usize) -> Option<Pid> {
    // SAFETY: no arguments.
    unsafe { syscall6(number, [0; 6]) }.ok().and_then(|id| Pid::from_raw(id as i32))
}
