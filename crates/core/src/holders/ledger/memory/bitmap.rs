//! Which slots of a family are taken: a bit for each slot, in memory that all its processes share.
//!
//! The lowest free slot is taken first, so that a family with ten connections touches one page of
//! slots. A search looks at words of 64 bits, beginning at a hint, and finds a free bit if there is
//! one. Where 2^18 slots are taken that takes a few microseconds.
//!
//! Words beyond `reach` were never in use, and are the last resort: slots of processes that were
//! killed are looked for first, see [`super::descriptions`].
//!
//! Context: hooks of any kind, in shared memory; lock-free. Every loop is bounded, whatever another
//! process has written there.

use crate::sync::{AtomicU32, AtomicU64, SeqCst};
use crate::zeroed;

/// Slots in a word.
pub const BITS: usize = u64::BITS as usize;

zeroed! {
    /// `WORDS` words. All zeroes: no slot is taken.
    pub struct Bitmap<const WORDS: usize> {
        /// As a rule no word below this one has a free bit.
        lowest: AtomicU32,
        /// How many words are or were in use.
        reach: AtomicU32,
        /// Where the search for slots of dead processes goes on.
        cursor: AtomicU32,
        words: [AtomicU64; WORDS],
    }
}

impl<const WORDS: usize> Bitmap<WORDS> {
    /// No slot is taken.
    pub const fn new() -> Self {
        let words = [const { AtomicU64::new(0) }; WORDS];
        Self { lowest: AtomicU32::new(0), reach: AtomicU32::new(0), cursor: AtomicU32::new(0), words }
    }

    /// How many slots are or were in use, of `len`.
    pub fn reach(&self, len: usize) -> usize {
        (self.reach.load(SeqCst) as usize).min(len / BITS) * BITS
    }

    /// Takes the lowest free slot among those that were in use before; `None` where all are taken.
    pub fn take_free(&self, len: usize) -> Option<usize> {
        let words = self.reach(len) / BITS;
        let first = self.lowest.load(SeqCst) as usize;
        (first..words).chain(0..first.min(words)).find_map(|at| {
            let bit = take_lowest(self.words.get(at)?)?;
            if at != first {
                // Where another process frees a lower slot meanwhile, the hint is a little too
                // high. That slot is still found, in the second half of the search.
                let _ = self.lowest.compare_exchange(first as u32, at as u32, SeqCst, SeqCst);
            }
            Some(at * BITS + bit)
        })
    }

    /// Puts one more word into use; false where there is none.
    pub fn extend(&self, len: usize) -> bool {
        let reach = self.reach.load(SeqCst);
        let is_room = (reach as usize) < (len / BITS).min(WORDS);
        if is_room {
            // Where that fails another process has done it.
            let _ = self.reach.compare_exchange(reach, reach + 1, SeqCst, SeqCst);
        }
        is_room
    }

    /// Takes all slots that are in use in `other`, and some more: none of them is given out here until
    /// it is freed here.
    pub fn begin_beyond(&self, other: &Self) {
        /// For slots that are taken in `other` meanwhile.
        const MORE: usize = 2;
        let words = (other.reach.load(SeqCst) as usize).saturating_add(MORE).min(WORDS);
        self.words.iter().take(words).for_each(|word| word.store(u64::MAX, SeqCst));
        self.reach.store(words as u32, SeqCst);
    }

    /// The slot is free again. To be called by the process that took its connection out.
    pub fn free(&self, index: usize) {
        if let Some(word) = self.words.get(index / BITS) {
            word.fetch_and(!(1 << (index % BITS)), SeqCst);
            self.lowest.fetch_min((index / BITS) as u32, SeqCst);
        }
    }

    /// The next slot of those in use, in turn, if it is taken.
    pub fn next_taken(&self, len: usize) -> Option<usize> {
        let index = self.cursor.fetch_add(1, SeqCst) as usize % self.reach(len).max(1);
        let word = self.words.get(index / BITS)?.load(SeqCst);
        (word >> (index % BITS) & 1 == 1).then_some(index)
    }
}

/// Sets the lowest bit that is not set. `None` if all are set, or if other threads are faster at
/// every try.
fn take_lowest(word: &AtomicU64) -> Option<usize> {
    let mut now = word.load(SeqCst);
    for _ in 0..BITS {
        let bit = now.trailing_ones();
        let mask = 1u64.checked_shl(bit)?;
        now = word.fetch_or(mask, SeqCst);
        if now & mask == 0 {
            return Some(bit as usize);
        }
    }
    None
}
