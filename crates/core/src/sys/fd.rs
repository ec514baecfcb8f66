//! A descriptor as a number: copied freely, never closed on drop.
//!
//! `std`'s `OwnedFd` calls libc's `close` when it is dropped. In a process that has the shim
//! loaded, that is the shim's own export. So [`Fd`] has no drop: a descriptor is closed only
//! where [`Fd::close`] stands in the code.
//!
//! Context: async-signal-safe.

// An `OwnedFd` of rustix is taken apart at once, and never dropped.
#![allow(clippy::disallowed_types)]

use crate::sys::raw::{nr, syscall6};
use rustix::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::io::{self, Result};

/// A descriptor number that may or may not be open. An operation on a number that is not open
/// fails with `EBADF`, as in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fd(RawFd);

impl Fd {
    /// The descriptor with this number; `None` for a negative one, which no descriptor has.
    pub fn new(raw: RawFd) -> Option<Self> {
        (raw >= 0).then_some(Self(raw))
    }

    /// Takes the number out of an `OwnedFd`, so that no drop closes it.
    pub fn adopt(owner: OwnedFd) -> Self {
        Self(owner.into_raw_fd())
    }

    /// The number as the kernel and libc have it; never negative.
    pub fn raw(self) -> RawFd {
        self.0
    }

    /// The number as an index or an argument of a system call.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether the number is open (`F_GETFD`).
    pub fn is_open(self) -> bool {
        io::fcntl_getfd(self).is_ok()
    }

    /// Whether the number is open and `exec` will close it (`FD_CLOEXEC`).
    pub fn is_close_on_exec(self) -> bool {
        io::fcntl_getfd(self).is_ok_and(|flags| flags.contains(io::FdFlags::CLOEXEC))
    }

    /// Duplicates the descriptor to the lowest free number that is `min` or more, close-on-exec
    /// (`F_DUPFD_CLOEXEC`).
    ///
    /// # Errors
    /// `EMFILE`: no such number is free below `RLIMIT_NOFILE`. `EINVAL`: `min` is not below
    /// that limit. `EBADF`.
    pub fn duplicate_from(self, min: RawFd) -> Result<Self> {
        io::fcntl_dupfd_cloexec(self, min).map(Self::adopt)
    }

    /// As [`Fd::duplicate_from`], but only to one of the first `few` numbers from `low` on.
    /// `None` where none of these is free.
    pub fn duplicate_near(self, low: RawFd, few: i32) -> Option<Self> {
        let copy = self.duplicate_from(low).ok()?;
        if copy.raw() - low >= few {
            copy.close();
            return None;
        }
        Some(copy)
    }

    /// Closes the number by a raw system call. It is no error if the program has closed the
    /// number before.
    pub fn close(self) {
        // SAFETY: an integer; where the number could mean another file by now, the caller has
        // checked that it does not.
        let _ = unsafe { syscall6(nr::CLOSE, [self.index(), 0, 0, 0, 0, 0]) };
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the number is not -1. If it is not open, a system call fails with EBADF, which
        // every caller handles; no memory safety depends on it.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
