//! Which descriptor numbers the threads of the program use in one way (say, read from), and
//! since which look.
//!
//! Context: the looker writes, the drainer reads.

use super::deeds::NUMBERS;
use super::look_number::{LookNumber, is_after};
use crate::zeroed;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

zeroed! {
    /// Of each number, modulo [`NUMBERS`], the earliest look since which a thread has been using
    /// it without a break; 0: no thread uses it.
    pub struct NumberUses([AtomicU32; NUMBERS]);
}

impl NumberUses {
    fn at(&self, number: usize) -> Option<&AtomicU32> {
        self.0.get(number % NUMBERS)
    }

    /// A thread uses the number, and has since this look.
    pub fn add(&self, number: usize, since: LookNumber) {
        let is_first = |word: &&AtomicU32| match word.load(Relaxed) {
            0 => true,
            other => is_after(other, since),
        };
        self.at(number).filter(is_first).into_iter().for_each(|word| word.store(since, Relaxed));
    }

    /// Whether a thread has been using the number since this look, or for longer.
    pub fn is_used_since(&self, number: usize, since: LookNumber) -> bool {
        self.at(number).is_none_or(|word| match word.load(Relaxed) {
            0 => false,
            begun => !is_after(begun, since),
        })
    }

    /// No thread uses any number.
    pub fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Relaxed));
    }
}
