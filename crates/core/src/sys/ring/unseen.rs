//! Whether the calling thread has an `io_uring` that no hook has seen.
//!
//! A request that is pending in a ring holds its file, and a half-close would cut it off: what a
//! `SEND` has still to write would be lost. liburing makes its rings by a raw system call, which no
//! hook sees. But for each thread that has made or used a ring, the kernel keeps a list of the rings
//! that the thread has registered (`io_uring_task`). Asked to enter the first of those, the kernel
//! answers `EBADF` where there is none, and `EINVAL` where the thread has never had a ring
//! (`io_uring_enter`, since Linux 5.18; always `EINVAL` before).
//!
//! A seccomp filter need not know this call, and might kill the process for it. So where the
//! process may have been started under a filter, the kernel is not asked. A filter that comes
//! later is the program's own; after that no hook asks anything.
//!
//! Context: any hook; async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::procfs::may_be_filtered;
use crate::sys::raw::{nr, syscall6};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use rustix::io::{Errno, Result};

/// `IORING_ENTER_REGISTERED_RING`: the number is that of a ring which the thread has registered.
pub const ENTER_REGISTERED: u32 = 1 << 4;

/// What is known of rings that no hook has seen.
pub struct UnseenRings {
    /// Whether the kernel may be asked, once that is known.
    asked: AtomicU8,
    was_seen: AtomicBool,
}

const UNKNOWN: u8 = 0;
const ASKED: u8 = 1;
const NEVER_ASKED: u8 = 2;

/// Which rings a thread has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadRings {
    /// It has never had a ring, or the kernel does not tell.
    None,
    /// It has made or used a ring.
    Some,
    /// It has a registered ring, which needs no descriptor.
    Registered,
}

impl UnseenRings {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self { asked: AtomicU8::new(UNKNOWN), was_seen: AtomicBool::new(false) }
    }

    /// Finds out whether the kernel may be asked: whether there is surely no seccomp filter. To be called
    /// before a fork: then no child has to.
    pub fn learn(&self) -> bool {
        if self.asked.load(Relaxed) == UNKNOWN {
            let asked = if may_be_filtered(c"thread-self/status") { NEVER_ASKED } else { ASKED };
            self.asked.store(asked, Relaxed);
        }
        self.asked.load(Relaxed) == ASKED
    }

    /// Which rings the calling thread has, or has ever had.
    pub fn of_thread(&self) -> ThreadRings {
        if !self.learn() {
            return ThreadRings::None;
        }
        match enter_nothing(0, ENTER_REGISTERED) {
            Err(Errno::INVAL) => ThreadRings::None,
            Err(Errno::BADF) => ThreadRings::Some,
            _ => ThreadRings::Registered,
        }
    }

    /// To be called when a thread is found to have a ring that no hook has seen.
    pub fn note_unseen(&self) {
        self.was_seen.store(true, Relaxed);
    }

    /// Whether [`UnseenRings::note_unseen`] has been called in this process or one that it was forked
    /// from.
    pub fn was_one_seen(&self) -> bool {
        self.was_seen.load(Relaxed)
    }
}

/// Whether `fd` is a ring. Only for a process that has made one: where a seccomp filter forbids to
/// use rings, it forbids to make them. True also where a filter answers an error of its own.
pub fn is_one(fd: Fd) -> bool {
    !matches!(enter_nothing(fd.index(), 0), Err(Errno::OPNOTSUPP | Errno::BADF))
}

fn enter_nothing(ring: usize, flags: u32) -> Result<usize> {
    // SAFETY: nothing is submitted and nothing is waited for, whether there is such a ring or not.
    unsafe { syscall6(nr::IO_URING_ENTER, [ring, 0, 0, flags as usize, 0, 0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_ring_has_none() {
        let of_thread = || assert_eq!(UnseenRings::new().of_thread(), ThreadRings::None);
        std::thread::spawn(of_thread).join().unwrap();
    }
}
