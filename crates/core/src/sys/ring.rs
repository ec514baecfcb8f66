//! Whether the calling thread has ever had a ring of `io_uring`.
//!
//! A request that is pending in a ring holds the file that it is for, and a half-close would cut it off: what a
//! `SEND` has still to write is lost. liburing makes its rings by a raw system call, which no hook sees. But the
//! kernel keeps, for each thread that has made a ring or used one, which rings it has registered (`io_uring_task`).
//! Asked to enter one of those, it says EBADF where there is none of that number, and EINVAL where the thread has
//! never had a ring (`io_uring_enter`, since Linux 5.18; before, always EINVAL).
//!
//! The question is none that a filter must know: where there is one, it might kill for it, and is not asked. A filter
//! that comes later is the program's own, after which no hook asks anything.
//!
//! Context: any hook. Async-signal-safe.

use super::procfs::may_be_filtered;
use super::raw::{nr, syscall6};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use rustix::io::Errno;

/// What is known of rings that no hook has seen.
pub struct Rings {
    /// Whether the kernel may be asked, once that is known.
    asked: AtomicU8,
    was_seen: AtomicBool,
}

const UNKNOWN: u8 = 0;
const ASKED: u8 = 1;
const NEVER_ASKED: u8 = 2;

impl Rings {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self { asked: AtomicU8::new(UNKNOWN), was_seen: AtomicBool::new(false) }
    }

    /// Whether the calling thread has, or has ever had, a ring.
    pub fn has_one(&self) -> bool {
        if self.asked.load(Relaxed) == UNKNOWN {
            let asked = if may_be_filtered(c"thread-self/status") { NEVER_ASKED } else { ASKED };
            self.asked.store(asked, Relaxed);
        }
        let has_one = self.asked.load(Relaxed) == ASKED && is_known_to_the_kernel();
        if has_one {
            self.was_seen.store(true, Relaxed);
        }
        has_one
    }

    /// Whether a thread was found to have one: then the process has had one.
    pub fn was_one_seen(&self) -> bool {
        self.was_seen.load(Relaxed)
    }
}

fn is_known_to_the_kernel() -> bool {
    const LAST_RING: usize = 15;
    const ENTER_REGISTERED_RING: usize = 1 << 4;
    // SAFETY: nothing is submitted and nothing waited for, whether there is such a ring or not.
    let answer = unsafe { syscall6(nr::IO_URING_ENTER, [LAST_RING, 0, 0, ENTER_REGISTERED_RING, 0, 0]) };
    matches!(answer, Ok(_) | Err(Errno::BADF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_ring_has_none() {
        std::thread::spawn(|| assert!(!Rings::new().has_one())).join().unwrap();
    }
}
