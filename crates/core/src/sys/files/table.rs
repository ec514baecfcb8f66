//! Tables of descriptors: whether we may close in ours, and how a thread gets an empty one.
//!
//! Context: async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::raw::{nr, syscall6};
use rustix::io::{Errno, Result};

/// Every new table of descriptors begins with a copy of the numbers below this one, however few
/// it is to keep (`dup_fd`, `NR_OPEN_DEFAULT`).
const COPIED: i32 = 64;

/// Whether one of the numbers below 64 is a file whose file system does something at every
/// close of a copy (`flush`, in `filp_flush`). A message queue forgets which process is to be
/// notified; network file systems write back, and answer the error of it there. On those,
/// [`leave_table`] would have an effect that the program can see.
pub fn is_any_flushed() -> bool {
    /// `mqueue`, FUSE, NFS, SMB, CIFS, SMB2, AFS (twice), eCryptfs, OrangeFS, Coda, vboxsf.
    const FLUSH: [u32; 12] = [
        0x1980_0202,
        0x6573_5546,
        0x6969,
        0x517B,
        0xFF53_4D42,
        0xFE53_4D42,
        0x5346_414F,
        0x6B41_4653,
        0xF15F,
        0x2003_0528,
        0x7375_7245,
        0x786F_4256,
    ];
    let is_flushed = |fd| rustix::fs::fstatfs(fd).is_ok_and(|found| FLUSH.contains(&(found.f_type as u32)));
    (0..COPIED).filter_map(Fd::new).any(is_flushed)
}

/// Gives the calling thread a table of descriptors of its own, with nothing open in it. The new
/// table begins with copies of the low numbers, which the same call closes a microsecond later.
///
/// # Errors
/// `ENOSYS` before Linux 5.9, `EINVAL`, `ENOMEM`; under a seccomp filter, what it answers.
pub fn leave_table() -> Result<()> {
    const CLOSE_RANGE_UNSHARE: usize = 2;
    // SAFETY: integers; only this thread's copies are closed.
    unsafe { syscall6(nr::CLOSE_RANGE, [0, u32::MAX as usize, CLOSE_RANGE_UNSHARE, 0, 0, 0]) }.map(drop)
}

/// Whether the kernel lets us close descriptors at all. Under a seccomp filter that refuses
/// `close`, every descriptor that we open would stay open.
pub fn can_close() -> bool {
    const NO_NUMBER: usize = u32::MAX as usize;
    // SAFETY: an integer, which is never an open number.
    unsafe { syscall6(nr::CLOSE, [NO_NUMBER, 0, 0, 0, 0, 0]) == Err(Errno::BADF) }
}
