//! Blocks.

use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

pub const BITS: u32 = u64::BITS;

zeroed! {
    /// What is known of 64 numbers, a bit for each.
    pub struct Block {
        /// Open, and no epoll set.
        pub(super) plain: AtomicU64,
        /// The same, as one search has found; see [`Sets::may_settle`].
        pub(super) was_plain: AtomicU64,
        /// Free at the last search, and not seen in use since.
        pub(super) free: AtomicU64,
        /// An epoll set, or one until lately.
        pub(super) set: AtomicU64,
        /// A set that this process has made, and that no other one can have.
        pub(super) own: AtomicU64,
    }
}

impl Block {
    pub const fn new() -> Self {
        let [plain, was_plain, free, set, own] = [const { AtomicU64::new(0) }; 5];
        Self { plain, was_plain, free, set, own }
    }
}

/// What is known of a number that is closed.
impl Block {
    pub fn forget(&self, mask: u64) {
        self.forget_found(mask);
        clear_bits(&self.own, mask);
    }

    /// Of that what a search finds.
    pub fn forget_found(&self, mask: u64) {
        for word in [&self.plain, &self.was_plain, &self.free] {
            clear_bits(word, mask);
        }
    }
}

/// Without a write where there is nothing to clear: memory that a fork child shares with its
/// parent stays shared.
pub fn clear_bits(word: &AtomicU64, mask: u64) {
    if word.load(SeqCst) & mask != 0 {
        word.fetch_and(!mask, SeqCst);
    }
}

pub fn bit(number: u32) -> u64 {
    1 << (number % BITS)
}

/// The first number from `from` on, in its block, whose bit is set.
pub fn first_bit(word: u64, from: u32) -> Option<u32> {
    let word = word & (u64::MAX << (from % BITS));
    (word != 0).then(|| (from & !(BITS - 1)) + word.trailing_zeros())
}
