//! Times in which there must be no thread of ours, because of a call of the program's that a
//! process with a second thread cannot make, or that must act on every thread.
//!
//! A hook that starts a thread says so first and looks here afterwards. A hook that dismisses
//! the threads says so here first, and looks afterwards for threads and for starts under way.
//! So one of the two sees the other.
//!
//! Context: any hook, and our threads; async-signal-safe and lock-free.

use crate::sys::clock::Millis;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The calls of the program that are under way and tolerate no thread of ours.
pub struct Dismissals {
    count: AtomicU32,
    /// When calls whose return no hook sees are over, in milliseconds; 0: there are none.
    until: AtomicU32,
}

impl Dismissals {
    /// No such call.
    pub const fn new() -> Self {
        Self { count: AtomicU32::new(0), until: AtomicU32::new(0) }
    }

    /// Whether there must be no thread of ours now.
    pub fn is_any(&self) -> bool {
        self.count.load(SeqCst) != 0 || self.is_moment()
    }

    fn is_moment(&self) -> bool {
        let until = self.until.load(SeqCst);
        until != 0 && Millis(until).since(Millis::now()) != 0
    }

    /// Such a call begins.
    pub fn begin(&self) {
        self.count.fetch_add(1, SeqCst);
    }

    /// Such a call is over.
    pub fn end(&self) {
        self.count.fetch_sub(1, SeqCst);
    }

    /// Such a call is about to be made, and no hook sees it return: it is taken to be over in
    /// `ms` milliseconds.
    pub fn begin_for(&self, ms: u32) {
        self.until.store(Millis::now().plus(ms).0.max(1), SeqCst);
    }

    /// To be called in a fork child: the calls were those of other threads.
    pub fn forget(&self) {
        self.count.store(0, SeqCst);
        self.until.store(0, SeqCst);
    }
}
