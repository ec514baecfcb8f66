//! What is known of 64 descriptor numbers, a bit for each.
//!
//! Context: hooks of any kind; lock-free.

use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// Numbers in a block.
pub const BITS: u32 = u64::BITS;

zeroed! {
    /// What is known of 64 numbers, a bit for each.
    pub struct Block {
        /// The number is open, and no epoll set.
        pub(super) plain: AtomicU64,
        /// One search has found the same: see `Sets::may_settle`.
        pub(super) was_plain: AtomicU64,
        /// The number was free at the last search, and no hook has seen it in use since.
        pub(super) free: AtomicU64,
        /// The number is an epoll set, or was one until lately.
        pub(super) set: AtomicU64,
        /// The number is a set that this process has made, and that no other process can have.
        pub(super) own: AtomicU64,
    }
}

impl Block {
    /// Nothing is known.
    pub const fn new() -> Self {
        let [plain, was_plain, free, set, own] = [const { AtomicU64::new(0) }; 5];
        Self { plain, was_plain, free, set, own }
    }
}

/// The numbers of `mask` are closed.
impl Block {
    /// Forgets all that is known of the numbers of `mask`.
    pub fn forget(&self, mask: u64) {
        self.forget_found(mask);
        clear_bits(&self.own, mask);
    }

    /// Forgets what a search finds about the numbers of `mask`.
    pub fn forget_found(&self, mask: u64) {
        for word in [&self.plain, &self.was_plain, &self.free] {
            clear_bits(word, mask);
        }
    }
}

/// Clears the bits of `mask`. Nothing is written where nothing is set, so that a page which a fork child
/// shares with its parent stays shared.
pub fn clear_bits(word: &AtomicU64, mask: u64) {
    if word.load(SeqCst) & mask != 0 {
        word.fetch_and(!mask, SeqCst);
    }
}

/// The bit of a number in its block.
pub fn bit(number: u32) -> u64 {
    1 << (number % BITS)
}

/// The first number from `from` on, in its block, whose bit is set.
pub fn first_bit(word: u64, from: u32) -> Option<u32> {
    let word = word & (u64::MAX << (from % BITS));
    (word != 0).then(|| (from & !(BITS - 1)) + word.trailing_zeros())
}
