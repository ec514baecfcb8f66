//! A descriptor as a number: copied freely, never closed on drop.
//!
//! `std`'s `OwnedFd` closes through libc's symbol when it is dropped, which in a
//! process that has the shim loaded is our own export. [`Fd`] has no drop at
//! all: who closes says so.

// Taken apart at once, never dropped.
#![allow(clippy::disallowed_types)]

use super::raw::{nr, syscall6};
use rustix::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::io::{self, Result};

/// A descriptor number that may or may not be open.
///
/// An operation on a number that is not open fails with `EBADF`, as in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fd(RawFd);

impl Fd {
    /// `None` for a negative number, which no descriptor has.
    pub fn new(raw: RawFd) -> Option<Self> {
        (raw >= 0).then_some(Self(raw))
    }

    /// Takes the number out of an owner, so that nothing closes it on drop.
    pub fn adopt(owner: OwnedFd) -> Self {
        Self(owner.into_raw_fd())
    }

    /// The number.
    pub fn raw(self) -> RawFd {
        self.0
    }

    /// The number as an index; never negative.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether the number is open (`F_GETFD`).
    pub fn is_open(self) -> bool {
        io::fcntl_getfd(self).is_ok()
    }

    /// Whether `exec` closes the number.
    pub fn is_close_on_exec(self) -> bool {
        io::fcntl_getfd(self).is_ok_and(|flags| flags.contains(io::FdFlags::CLOEXEC))
    }

    /// `F_DUPFD_CLOEXEC`: the lowest free number that is `min` or more.
    ///
    /// # Errors
    /// `EMFILE` where none is free below the limit, `EINVAL` where `min` is not
    /// below the limit itself, `EBADF`.
    pub fn duplicate_from(self, min: RawFd) -> Result<Self> {
        io::fcntl_dupfd_cloexec(self, min).map(Self::adopt)
    }

    /// The same, where one of the first `few` numbers from `low` on is free.
    pub fn duplicate_near(self, low: RawFd, few: i32) -> Option<Self> {
        let copy = self.duplicate_from(low).ok()?;
        if copy.raw() - low >= few {
            copy.close();
            return None;
        }
        Some(copy)
    }

    /// Closes the number with the plain system call. The program may have closed it
    /// before: that is no error.
    pub fn close(self) {
        // SAFETY: an integer; the caller has verified it where it could have been
        // reused.
        let _ = unsafe { syscall6(nr::CLOSE, [self.index(), 0, 0, 0, 0, 0]) };
    }
}

/// Below, every table of descriptors begins as a copy (`dup_fd`, `NR_OPEN_DEFAULT`).
const COPIED: i32 = 64;

/// Whether the close of a copy of one of the numbers that a new table begins with is more than
/// that: its file system has a `flush`. A message queue forgets who is to be notified, others
/// write back, and answer the error of it there (`filp_flush`).
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
    (0..COPIED).map(Fd).any(is_flushed)
}

/// Gives the calling thread a table of descriptors of its own, in which nothing is open. In one
/// call: the copies that the new table begins with are there for a microsecond.
///
/// # Errors
/// `ENOSYS` before Linux 5.9, `EINVAL`, `ENOMEM`; what a filter answers.
pub fn leave_table() -> Result<()> {
    const CLOSE_RANGE_UNSHARE: usize = 2;
    // SAFETY: integers; what is closed are copies of this thread alone.
    unsafe { syscall6(nr::CLOSE_RANGE, [0, u32::MAX as usize, CLOSE_RANGE_UNSHARE, 0, 0, 0]) }.map(drop)
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the number is not -1, and a number that is not open makes a
        // system call fail with EBADF, which every caller handles; no memory
        // safety hangs on it.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
/// Whether the kernel lets us close numbers at all: under a filter that refuses it, one that
/// is opened would stay behind.
pub fn can_close() -> bool {
    const NO_NUMBER: usize = u32::MAX as usize;
    // SAFETY: an integer, which is never an open number.
    unsafe { syscall6(nr::CLOSE, [NO_NUMBER, 0, 0, 0, 0, 0]) == Err(io::Errno::BADF) }
}
