//! Which slots of a family are taken: a bit each, for all of its processes.
//!
//! The lowest free one is taken first, so that a family with ten connections touches one
//! page of slots. A search looks at words of 64 bits, from a hint on, and finds a free bit
//! if there is one: a few microseconds where 2^18 of them are taken.
//!
//! Words beyond `reach` were never in use. They are the last resort: before, the slots of
//! processes that were killed are looked for, see [`super::descriptions`].
//!
//! Context: hooks of any kind, in shared memory; lock-free, and every loop is bounded
//! whatever is found there.

use crate::sync::{AtomicU32, AtomicU64, SeqCst};
use crate::zeroed;

/// Slots in a word.
pub const BITS: usize = u64::BITS as usize;

zeroed! {
    /// So many words. All zeroes: nothing is taken.
    pub struct Bitmap<const WORDS: usize> {
        /// No word below it has a free bit, as a rule.
        lowest: AtomicU32,
        /// Words that are or were in use.
        reach: AtomicU32,
        /// Where the search for what the dead have left goes on.
        cursor: AtomicU32,
        words: [AtomicU64; WORDS],
    }
}

impl<const WORDS: usize> Bitmap<WORDS> {
    /// Nothing is taken.
    pub const fn new() -> Self {
        let words = [const { AtomicU64::new(0) }; WORDS];
        Self { lowest: AtomicU32::new(0), reach: AtomicU32::new(0), cursor: AtomicU32::new(0), words }
    }

    /// Slots that are or were in use, of `len`.
    pub fn reach(&self, len: usize) -> usize {
        (self.reach.load(SeqCst) as usize).min(len / BITS) * BITS
    }

    /// Takes the lowest slot that is free among those that were in use before.
    pub fn take_free(&self, len: usize) -> Option<usize> {
        let words = self.reach(len) / BITS;
        let first = self.lowest.load(SeqCst) as usize;
        (first..words).chain(0..first.min(words)).find_map(|at| {
            let bit = take_lowest(self.words.get(at)?)?;
            if at != first {
                // Who frees a lower one meanwhile makes it a little too high: found all the
                // same, in the second half of the search.
                let _ = self.lowest.compare_exchange(first as u32, at as u32, SeqCst, SeqCst);
            }
            Some(at * BITS + bit)
        })
    }

    /// Puts one word more into use; false where there is none.
    pub fn extend(&self, len: usize) -> bool {
        let reach = self.reach.load(SeqCst);
        let is_room = (reach as usize) < (len / BITS).min(WORDS);
        if is_room {
            // Where that fails another one has done it.
            let _ = self.reach.compare_exchange(reach, reach + 1, SeqCst, SeqCst);
        }
        is_room
    }

    /// Takes all slots that are in use in `other`, and some more: none of those is given
    /// out here, but what is freed.
    pub fn begin_beyond(&self, other: &Self) {
        /// For those that are taken there meanwhile.
        const MORE: usize = 2;
        let words = (other.reach.load(SeqCst) as usize).saturating_add(MORE).min(WORDS);
        self.words.iter().take(words).for_each(|word| word.store(u64::MAX, SeqCst));
        self.reach.store(words as u32, SeqCst);
    }

    /// The slot is free again: to be called by the one who took its connection away.
    pub fn free(&self, index: usize) {
        if let Some(word) = self.words.get(index / BITS) {
            word.fetch_and(!(1 << (index % BITS)), SeqCst);
            self.lowest.fetch_min((index / BITS) as u32, SeqCst);
        }
    }

    /// The next slot, of those in use in turn, that is taken; `None` at one that is not.
    pub fn next_taken(&self, len: usize) -> Option<usize> {
        let index = self.cursor.fetch_add(1, SeqCst) as usize % self.reach(len).max(1);
        let word = self.words.get(index / BITS)?.load(SeqCst);
        (word >> (index % BITS) & 1 == 1).then_some(index)
    }
}

/// Sets the lowest bit that is not set. Who is overtaken at every try finds none.
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
