//! Users, capabilities and limits of this process.
//!
//! Context: async-signal-safe.

use crate::sys::raw::{nr, syscall6};

/// The effective user id, which files are opened and made with. `None` where a seccomp filter
/// refuses the call.
pub fn effective_user() -> Option<u32> {
    // SAFETY: no arguments.
    unsafe { syscall6(nr::GETEUID, [0; 6]) }.ok().map(|user| user as u32)
}

/// The real, effective and saved user id of the calling thread. `None` where a seccomp filter
/// refuses the call.
pub fn users() -> Option<[u32; 3]> {
    let mut users = [0u32; 3];
    let [real, effective, saved] = users.each_mut().map(|user| core::ptr::from_mut(user) as usize);
    // SAFETY: the kernel writes three user ids.
    unsafe { syscall6(nr::GETRESUID, [real, effective, saved, 0, 0, 0]) }.ok()?;
    Some(users)
}

/// Whether the calling thread may install a seccomp filter: it has `no_new_privs` or
/// `CAP_SYS_ADMIN` (`seccomp(2)`, `EACCES`). True where the kernel does not tell.
pub fn may_filter() -> bool {
    const PR_GET_NO_NEW_PRIVS: usize = 39;
    const CAP_SYS_ADMIN: u32 = 21;
    // SAFETY: integers only.
    let gains_none = unsafe { syscall6(nr::PRCTL, [PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0]) };
    gains_none != Ok(0) || capabilities().is_none_or(|held| held & 1 << CAP_SYS_ADMIN != 0)
}

/// The effective capabilities of the calling thread with numbers below 32, as a bit set.
fn capabilities() -> Option<u32> {
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = [VERSION_3, 0];
    let mut sets = [0u32; 6];
    let args = [header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel reads and writes the header, and writes two sets of three words.
    unsafe { syscall6(nr::CAPGET, args) }.ok()?;
    sets.first().copied()
}

/// The size in bytes that a file may grow to (`RLIMIT_FSIZE`). A write beyond it raises
/// `SIGXFSZ`. `None` where a seccomp filter refuses the call.
pub fn file_size_limit() -> Option<u64> {
    const RLIMIT_FSIZE: usize = 1;
    let mut limits = [0u64; 2];
    // SAFETY: the kernel writes one rlimit64.
    unsafe { syscall6(nr::PRLIMIT64, [0, RLIMIT_FSIZE, 0, limits.as_mut_ptr() as usize, 0, 0]) }.ok()?;
    limits.first().copied()
}
