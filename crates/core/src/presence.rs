//! How many hooks are in the engine at this moment.
//!
//! Before a seccomp filter reaches every thread, all threads must have left our hooks: the filter
//! may not allow the system calls that a hook makes.
//!
//! The count is spread over several cache lines, because every hook of every thread writes to it.
//!
//! Context: any hook; async-signal-safe, lock-free, but for [`Presence::await_all_but`], which
//! sleeps.

use crate::sys::clock::{Millis, rest_us};
use core::sync::atomic::{AtomicI32, Ordering::SeqCst};

const LINES: usize = 4;

#[repr(align(64))]
struct Line(AtomicI32);

/// The number of hooks in the engine.
pub struct Presence([Line; LINES]);

impl Presence {
    /// No hook is in the engine.
    pub const fn new() -> Self {
        Self([const { Line(AtomicI32::new(0)) }; LINES])
    }

    /// To be called when a hook enters the engine. `thread` is a number of the calling thread, the same
    /// when it leaves.
    #[inline]
    pub fn enter(&self, thread: usize) {
        self.line(thread).fetch_add(1, SeqCst);
    }

    /// To be called when a hook leaves the engine.
    #[inline]
    pub fn leave(&self, thread: usize) {
        self.line(thread).fetch_sub(1, SeqCst);
    }

    fn line(&self, thread: usize) -> &AtomicI32 {
        let [first, ..] = &self.0;
        &self.0.get(thread % LINES).unwrap_or(first).0
    }

    /// Waits until no hook is in the engine but the `own` ones of the calling thread, at most a quarter
    /// of a second. A hook that a signal handler has left by `siglongjmp` never leaves.
    pub fn await_all_but(&self, own: i32) {
        const PATIENCE_MS: u32 = 250;
        const LOOK_US: u32 = 50;
        let deadline = Millis::now().plus(PATIENCE_MS);
        let count = || self.0.iter().map(|line| line.0.load(SeqCst)).sum::<i32>();
        while count() > own && deadline.since(Millis::now()) != 0 {
            rest_us(LOOK_US);
        }
    }

    /// To be called in a fork child, whose thread is in no hook: the other threads are not in the child.
    pub fn forget(&self) {
        self.0.iter().for_each(|line| line.0.store(0, SeqCst));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_leaves_is_not_waited_for() {
        let presence = Presence::new();
        (0..9).for_each(|thread| presence.enter(thread));
        std::thread::scope(|scope| {
            scope.spawn(|| (1..9).for_each(|thread| presence.leave(thread)));
            presence.await_all_but(1);
        });
        let start = Millis::now();
        presence.await_all_but(1);
        assert!(Millis::now().since(start) < 15);
    }
}
