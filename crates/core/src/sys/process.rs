//! Who we are, where the kernel may refuse to say so.
//!
//! rustix takes these calls for infallible: under a seccomp filter that answers an
//! error it panics in a debug build, and takes the error for an answer else.

use super::Fd;
use super::raw::{nr, syscall6};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, PidfdFlags, pidfd_open, test_kill_process};

/// The process' id; `None` where the kernel does not tell.
pub fn pid() -> Option<Pid> {
    ask(nr::GETPID)
}

/// The calling thread's id.
pub fn thread() -> Option<Pid> {
    ask(nr::GETTID)
}

/// Whether the parent has no id here: it is in an outer pid namespace.
pub fn is_parent_outside() -> bool {
    // SAFETY: no arguments.
    let parent = unsafe { syscall6(nr::GETPPID, [0; 6]) };
    parent == Ok(0)
}

/// The parent's id; `None` where it has none here, or the kernel does not tell.
pub fn parent() -> Option<Pid> {
    ask(nr::GETPPID)
}

/// A descriptor of a process (`pidfd_open`), close-on-exec.
///
/// # Errors
/// `ENOSYS` before Linux 5.3, `EMFILE`; `ESRCH` where there is no such process.
pub fn open(process: Option<Pid>) -> Result<Fd> {
    pidfd_open(process.ok_or(Errno::SRCH)?, PidfdFlags::empty()).map(Fd::adopt)
}

/// The user as whom files are opened and made.
pub fn effective_user() -> Option<u32> {
    // SAFETY: no arguments.
    unsafe { syscall6(nr::GETEUID, [0; 6]) }.ok().map(|user| user as u32)
}

/// Real, effective and saved user of the calling thread.
pub fn users() -> Option<[u32; 3]> {
    let mut users = [0u32; 3];
    let [real, effective, saved] = users.each_mut().map(|user| core::ptr::from_mut(user) as usize);
    // SAFETY: the kernel writes three uids.
    unsafe { syscall6(nr::GETRESUID, [real, effective, saved, 0, 0, 0]) }.ok()?;
    Some(users)
}

/// Whether nobody has this pid any more, not even one who has ended and is not reaped.
pub fn has_gone(pid: Pid) -> bool {
    test_kill_process(pid) == Err(Errno::SRCH)
}

/// Whether the calling thread may install a seccomp filter (`seccomp(2)`, `EACCES`): it has
/// `CAP_SYS_ADMIN`, or has given up to gain any privileges. In doubt it may.
pub fn may_filter() -> bool {
    const PR_GET_NO_NEW_PRIVS: usize = 39;
    const CAP_SYS_ADMIN: u32 = 21;
    // SAFETY: integers only.
    let gains_none = unsafe { syscall6(nr::PRCTL, [PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0]) };
    gains_none != Ok(0) || capabilities().is_none_or(|held| held & 1 << CAP_SYS_ADMIN != 0)
}

/// The effective capabilities below 32 of the calling thread.
fn capabilities() -> Option<u32> {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    let args = [header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel reads and writes the header, and writes two times three words.
    unsafe { syscall6(nr::CAPGET, args) }.ok()?;
    sets.first().copied()
}

/// The size that a file of ours may have (`RLIMIT_FSIZE`): beyond it, writing is a
/// `SIGXFSZ`.
pub fn file_size_limit() -> Option<u64> {
    const RLIMIT_FSIZE: usize = 1;
    let mut limits = [0u64; 2];
    // SAFETY: the kernel writes one rlimit64.
    unsafe { syscall6(nr::PRLIMIT64, [0, RLIMIT_FSIZE, 0, limits.as_mut_ptr() as usize, 0, 0]) }.ok()?;
    limits.first().copied()
}

fn ask(number: usize) -> Option<Pid> {
    // SAFETY: no arguments.
    unsafe { syscall6(number, [0; 6]) }.ok().and_then(|id| Pid::from_raw(id as i32))
}
