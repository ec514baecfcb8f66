//! Whether a close may try to drain in place, which takes a moment, before a thread is started
//! (`engine/moment.rs`).
//!
//! Context: hooks of any kind; lock-free.

use core::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// How often a close may try.
pub struct Chance(AtomicU8);

/// Not before the next fork.
const NONE: u8 = 0;
/// The next close may.
const ONE: u8 = 1;
/// It was tried in vain: the peers are too far away.
const LOST: u8 = 2;

impl Chance {
    /// A process that has not forked has none.
    pub const fn new() -> Self {
        Self(AtomicU8::new(NONE))
    }

    /// After a fork, in the child: its first close may try.
    pub fn begin(&self) {
        self.0.store(ONE, SeqCst);
    }

    /// After a fork, in the parent: one close may try, unless that was tried in vain.
    pub fn give(&self) {
        let _ = self.0.compare_exchange(NONE, ONE, SeqCst, SeqCst);
    }

    /// Whether this close may try. Of several closes one is answered true.
    pub fn take(&self) -> bool {
        self.0.compare_exchange(ONE, NONE, SeqCst, SeqCst).is_ok()
    }

    /// It was tried in vain.
    pub fn lose(&self) {
        self.0.store(LOST, SeqCst);
    }
}
