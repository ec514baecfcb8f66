//! What the kernel says of rings of `io_uring` that no hook has seen.
//!
//! A request that is pending in a ring holds the file that it is for, and a half-close would cut it off: what a
//! `SEND` has still to write is lost. liburing makes its rings by a raw system call, which no hook sees. But the
//! kernel keeps, for each thread that has made a ring or used one, which rings it has registered (`io_uring_task`).
//! Asked to enter the first of those, it says EBADF where there is none, and EINVAL where the thread has
//! never had a ring (`io_uring_enter`, since Linux 5.18; before, always EINVAL).
//!
//! The question is none that a filter must know: where there is one, it might kill for it, and is not asked. A filter
//! that comes later is the program's own, after which no hook asks anything.
//!
//! Context: any hook. Async-signal-safe.

use super::Fd;
use super::procfs::may_be_filtered;
use super::raw::{nr, syscall6};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use rustix::io::{Errno, Result};

/// `IORING_ENTER_REGISTERED_RING`: the number is that of a ring which the thread has registered.
pub const ENTER_REGISTERED: u32 = 1 << 4;

/// What is known of rings that no hook has seen.
pub struct Rings {
    /// Whether the kernel may be asked, once that is known.
    asked: AtomicU8,
    was_seen: AtomicBool,
}

const UNKNOWN: u8 = 0;
const ASKED: u8 = 1;
const NEVER_ASKED: u8 = 2;

/// What the calling thread has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfThread {
    /// Never a ring, as far as can be known.
    None,
    /// It has made one, or used one.
    Some,
    /// One that needs no descriptor.
    Registered,
}

impl Rings {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self { asked: AtomicU8::new(UNKNOWN), was_seen: AtomicBool::new(false) }
    }

    /// What the calling thread has, or has ever had.
    pub fn of_thread(&self) -> OfThread {
        if self.asked.load(Relaxed) == UNKNOWN {
            let asked = if may_be_filtered(c"thread-self/status") { NEVER_ASKED } else { ASKED };
            self.asked.store(asked, Relaxed);
        }
        if self.asked.load(Relaxed) != ASKED {
            return OfThread::None;
        }
        match enter_nothing(0, ENTER_REGISTERED) {
            Err(Errno::INVAL) => OfThread::None,
            Err(Errno::BADF) => OfThread::Some,
            _ => OfThread::Registered,
        }
    }

    /// A thread was found to have one that no hook has seen.
    pub fn note_unseen(&self) {
        self.was_seen.store(true, Relaxed);
    }

    /// Whether one was: then the process has had one.
    pub fn was_one_seen(&self) -> bool {
        self.was_seen.load(Relaxed)
    }
}

/// Whether `fd` is a ring. Only for a process that the kernel has given one: a filter that forbids to use it forbids to
/// make it. What such a filter answers in the kernel's stead counts as a yes.
pub fn is_one(fd: Fd) -> bool {
    !matches!(enter_nothing(fd.index(), 0), Err(Errno::OPNOTSUPP | Errno::BADF))
}

fn enter_nothing(ring: usize, flags: u32) -> Result<usize> {
    // SAFETY: nothing is submitted and nothing waited for, whether there is such a ring or not.
    unsafe { syscall6(nr::IO_URING_ENTER, [ring, 0, 0, flags as usize, 0, 0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_ring_has_none() {
        let of_thread = || assert_eq!(Rings::new().of_thread(), OfThread::None);
        std::thread::spawn(of_thread).join().unwrap();
    }
}
