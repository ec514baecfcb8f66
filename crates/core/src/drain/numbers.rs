//! Which numbers have ever been private: a bit for each, so that a close of one of the
//! program's own numbers, high as it may be, does not look through all places. No bit is
//! ever taken back: a number is closed, and can be private again, before its place knows.
//!
//! Context: any hook, and the drainer's thread; lock-free.

use crate::sys::Fd;
use crate::sys::region::{Region, Sharing, Zeroed};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

#[repr(C)]
struct Word(AtomicU64);

// SAFETY: repr(C), an atomic; zero is no number.
unsafe impl Zeroed for Word {}

const BITS: usize = u64::BITS as usize;
/// Numbers beyond may be private: `fs.nr_open` can be higher.
const MOST: usize = 1 << 20;

/// A set of numbers.
pub struct Numbers(Region<Word>);

impl Numbers {
    /// None, and no memory.
    pub const fn new() -> Self {
        Self(Region::new(Sharing::Private))
    }

    /// Maps the memory.
    pub fn ensure(&self) -> bool {
        self.0.ensure(MOST / BITS)
    }

    /// Whether `fd` may be private now.
    pub fn may_have(&self, fd: Fd) -> bool {
        fd.index() >= MOST || self.word(fd).is_some_and(|word| word.load(SeqCst) & bit(fd) != 0)
    }

    /// `fd` is one from now on.
    pub fn add(&self, fd: Fd) {
        if let Some(word) = self.word(fd) {
            word.fetch_or(bit(fd), SeqCst);
        }
    }

    fn word(&self, fd: Fd) -> Option<&AtomicU64> {
        self.0.get(fd.index() / BITS).map(|word| &word.0)
    }
}

fn bit(fd: Fd) -> u64 {
    1 << (fd.index() % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    #[test]
    fn a_number_that_was_never_private_is_not() {
        let numbers = Numbers::new();
        assert!(numbers.ensure() && !numbers.may_have(fd(8200)));
        numbers.add(fd(8200));
        assert!(numbers.may_have(fd(8200)) && !numbers.may_have(fd(8201)));
    }

    #[test]
    fn of_numbers_beyond_nothing_is_known() {
        let numbers = Numbers::new();
        assert!(numbers.ensure() && numbers.may_have(fd(MOST as i32)));
    }
}
