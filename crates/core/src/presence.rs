//! How many hooks are in the engine at this moment.
//!
//! Where a filter of system calls is about to reach every thread, whoever is in a hook must
//! have left it: what a hook calls the filter may not allow.
//!
//! Context: any hook. Lock-free; the words are in several lines of the cache, as every hook
//! of every thread writes to one.

use crate::sys::clock::{Millis, rest_us};
use core::sync::atomic::{AtomicI32, Ordering::SeqCst};

const LINES: usize = 4;

#[repr(align(64))]
struct Line(AtomicI32);

/// The count.
pub struct Presence([Line; LINES]);

impl Presence {
    /// Nobody.
    pub const fn new() -> Self {
        Self([const { Line(AtomicI32::new(0)) }; LINES])
    }

    /// One more; `thread` is the same number when it leaves.
    #[inline]
    pub fn enter(&self, thread: usize) {
        self.line(thread).fetch_add(1, SeqCst);
    }

    /// One less.
    #[inline]
    pub fn leave(&self, thread: usize) {
        self.line(thread).fetch_sub(1, SeqCst);
    }

    fn line(&self, thread: usize) -> &AtomicI32 {
        let [first, ..] = &self.0;
        &self.0.get(thread % LINES).unwrap_or(first).0
    }

    /// Waits until nobody is there but the calling thread, which is in `own` hooks: a thread
    /// that waits for a processor may take long to leave one. Not for
    /// ever: who has left a hook by a jump is never seen to leave it.
    pub fn await_all_but(&self, own: i32) {
        const PATIENCE_MS: u32 = 250;
        const LOOK_US: u32 = 50;
        let deadline = Millis::now().plus(PATIENCE_MS);
        let count = || self.0.iter().map(|line| line.0.load(SeqCst)).sum::<i32>();
        while count() > own && deadline.since(Millis::now()) != 0 {
            rest_us(LOOK_US);
        }
    }

    /// In a fork child, by a thread that is in no hook: those of other threads are not in it.
    pub fn forget(&self) {
        self.0.iter().for_each(|line| line.0.store(0, SeqCst));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_is_not_waited_for() {
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
