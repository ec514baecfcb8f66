//! What one thread is doing to which descriptor numbers, in one word.
//!
//! A *deed* is what a blocked call does to a number ([`Deed`]): it reads from it, writes to it
//! what is in memory, or writes to it what it reads elsewhere.
//!
//! Context: the looker, and the drainer; pure arithmetic.

use crate::holders::calls::Deed;

/// Descriptor numbers are told apart by their lower 12 bits: two numbers that share them stand
/// for each other, so that a call on one counts as a call on the other.
pub const NUMBERS: usize = 4096;

/// The word of a thread that is running. No call has this word.
const RUNNING: u32 = u32::MAX;

/// What one blocked call does: up to two deeds (`splice` has two), 16 bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds(u32);

impl Deeds {
    /// The thread sleeps, and the kernel does not tell in which call. No call has this word.
    pub const HIDDEN: Self = Self(RUNNING - 1);
    const BITS: u32 = 16;
    const NUMBERS: u32 = NUMBERS as u32;

    /// The deeds of one call.
    pub fn of(deeds: [Option<(Deed, u64)>; 2]) -> Self {
        let word = |(deed, number): (Deed, u64)| (deed as u32 + 1) * Self::NUMBERS + number as u32 % Self::NUMBERS;
        let [one, other] = deeds.map(|deed| deed.map_or(0, word));
        Self(one | other << Self::BITS)
    }

    /// Each deed, as the discriminant of its [`Deed`] and the number modulo [`NUMBERS`].
    pub fn each(self) -> impl Iterator<Item = (usize, usize)> {
        let known = if self == Self::HIDDEN { 0 } else { self.0 };
        let words = [known & 0xffff, known >> Self::BITS].into_iter().filter(|&word| word != 0);
        words.map(|word| ((word / Self::NUMBERS - 1) as usize, (word % Self::NUMBERS) as usize))
    }
}

/// What a look finds a thread doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    /// The thread runs, or waits for a processor.
    Running,
    /// The thread sleeps in a call that does this.
    Asleep(Deeds),
}

impl ThreadState {
    /// The state as one word.
    pub fn word(self) -> u32 {
        match self {
            Self::Running => RUNNING,
            Self::Asleep(Deeds(deeds)) => deeds,
        }
    }

    /// The state that [`Self::word`] has made this word of.
    pub fn from_word(word: u32) -> Self {
        match word {
            RUNNING => Self::Running,
            deeds => Self::Asleep(Deeds(deeds)),
        }
    }
}
