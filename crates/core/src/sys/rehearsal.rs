//! Whether a seccomp filter allows the system calls that a drain makes.
//!
//! A filter that the process was started under allows what the *program* needs, which may be less.
//! If it refused a call in the middle of a drain, the drain could break: if the clock stands still,
//! no bound is ever reached; if epoll fails at once, the thread does not sleep. So each of these
//! calls is made once before the first drain, in a way that has no effect.
//!
//! Some calls are not rehearsed, because their failure is handled: where no thread can be made, no
//! descriptor opened or procfs not read, the close is left to the program. A filter that kills for
//! such a call kills the program in the middle of a drain.
//!
//! Context: any hook; async-signal-safe.

use super::raw::{nr, syscall6};
use super::{process, thread};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};
use rustix::io::Errno;

/// The result of the rehearsal, once it has been done. It stays: a filter cannot be removed.
pub struct Rehearsal(AtomicU8);

const NOT_DONE: u8 = 0;
const ALLOWED: u8 = 1;
const REFUSED: u8 = 2;

impl Rehearsal {
    /// A rehearsal that has not been done.
    pub const fn new() -> Self {
        Self(AtomicU8::new(NOT_DONE))
    }

    /// Whether all calls are allowed. The first question does the rehearsal. The end of a thread
    /// cannot be rehearsed: that it is refused is known when the first thread of ours cannot end.
    pub fn is_allowed(&self) -> bool {
        match self.0.load(Relaxed) {
            NOT_DONE => {
                let allowed = rehearse();
                self.0.store(if allowed { ALLOWED } else { REFUSED }, Relaxed);
                allowed
            }
            answer => answer == ALLOWED && thread::can_end(),
        }
    }
}

#[inline(never)]
fn rehearse() -> bool {
    let mut buffer = [0u64; 2];
    let at = buffer.as_mut_ptr() as usize;
    has_threads() && reads_clock(at) && reads_limits(at) && waits(at) && touches_nothing(at)
}

fn has_threads() -> bool {
    let (Some(process), Some(thread)) = (process::pid(), process::thread()) else { return false };
    let [process, thread] = [process, thread].map(|id| id.as_raw_nonzero().get() as usize);
    // SAFETY: integers only; signal 0 is not delivered.
    unsafe { syscall6(nr::TGKILL, [process, thread, 0, 0, 0, 0]) }.is_ok()
}

fn reads_clock(at: usize) -> bool {
    const CLOCK_MONOTONIC_COARSE: usize = 6;
    // SAFETY: the kernel writes one timespec into the 16 bytes at `at`.
    unsafe { syscall6(nr::CLOCK_GETTIME, [CLOCK_MONOTONIC_COARSE, at, 0, 0, 0, 0]) }.is_ok()
}

fn reads_limits(at: usize) -> bool {
    const RLIMIT_NOFILE: usize = 7;
    // SAFETY: the kernel writes one rlimit64 into the 16 bytes at `at`.
    unsafe { syscall6(nr::PRLIMIT64, [0, RLIMIT_NOFILE, 0, at, 0, 0]) }.is_ok()
}

/// Polls no descriptors for no time, and wakes the threads that sleep on a word on which none does.
fn waits(at: usize) -> bool {
    const FUTEX_WAKE_PRIVATE: usize = 129;
    let no_time = [0u64; 2];
    // SAFETY: the kernel reads and writes one timespec, and looks at one word.
    unsafe {
        syscall6(nr::PPOLL, [0, 0, no_time.as_ptr() as usize, 0, 8, 0]) == Ok(0)
            && syscall6(nr::FUTEX, [at, FUTEX_WAKE_PRIVATE, 0, 0, 0, 0]) == Ok(0)
    }
}

/// Makes the calls for a number that is never open. A call is allowed if it fails for that reason.
fn touches_nothing(at: usize) -> bool {
    const NO_NUMBER: usize = u32::MAX as usize;
    const F_GETFD: usize = 1;
    let calls = [
        (nr::FCNTL, [NO_NUMBER, F_GETFD, 0, 0, 0, 0]),
        (nr::SHUTDOWN, [NO_NUMBER, 1, 0, 0, 0, 0]),
        (nr::RECVFROM, [NO_NUMBER, 0, 0, 0, 0, 0]),
        (nr::EPOLL_CTL, [NO_NUMBER, 2, NO_NUMBER, 0, 0, 0]),
        (nr::EPOLL_PWAIT, [NO_NUMBER, at, 1, 0, 0, 8]),
    ];
    // SAFETY: without an open descriptor nothing is read or written.
    calls.into_iter().all(|(number, arguments)| unsafe { syscall6(number, arguments) } == Err(Errno::BADF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_filter_everything_is_allowed() {
        let rehearsal = Rehearsal::new();
        assert!(rehearsal.is_allowed() && rehearsal.is_allowed());
    }
}
