//! Times in which there must be no thread of ours: the program does what a process with two
//! threads cannot do, or what must reach every thread.
//!
//! Whoever starts a thread says so first and looks here then, and whoever dismisses it looks
//! for threads, and for some that are about to be, after he has said so here: one of the two
//! finds the other.
//!
//! Context: any hook, and our threads; lock-free.

use super::Drain;
use crate::sys::clock::Millis;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Calls of the program's that are under way.
pub struct Dismissals {
    count: AtomicU32,
    /// Of those whose return nobody sees: they are over by then; 0 for none.
    until: AtomicU32,
}

/// As long as it lives there is no thread of ours.
#[must_use = "threads are started again when it is dropped"]
pub struct Dismissed(&'static Dismissals);

impl Drop for Dismissed {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, SeqCst);
    }
}

impl Dismissals {
    /// None.
    pub const fn new() -> Self {
        Self { count: AtomicU32::new(0), until: AtomicU32::new(0) }
    }

    /// Whether there must be none now.
    pub fn is_any(&self) -> bool {
        self.count.load(SeqCst) != 0 || self.is_moment()
    }

    fn is_moment(&self) -> bool {
        let until = self.until.load(SeqCst);
        until != 0 && Millis(until).since(Millis::now()) != 0
    }

    /// In a fork child: those were calls of other threads.
    pub fn forget(&self) {
        self.count.store(0, SeqCst);
        self.until.store(0, SeqCst);
    }
}

impl Drain {
    /// The program is about to do such a thing: has the threads end what they hold, by plain
    /// closes, and leave, and waits until they have, within a bound. There is none until the
    /// answer is dropped.
    pub fn dismiss(&'static self) -> Dismissed {
        self.dismissals.count.fetch_add(1, SeqCst);
        self.await_dismissal();
        Dismissed(&self.dismissals)
    }

    /// The same where nobody sees the call return.
    pub fn dismiss_for_a_moment(&self) {
        const MOMENT_MS: u32 = 20;
        // None is started while it waits, nor in the moment after that.
        self.dismissals.count.fetch_add(1, SeqCst);
        self.await_dismissal();
        self.dismissals.until.store(Millis::now().plus(MOMENT_MS).0.max(1), SeqCst);
        self.dismissals.count.fetch_sub(1, SeqCst);
    }
}
