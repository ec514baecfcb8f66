//! What the looker remembers of each thread, from look to look.
//!
//! - A thread that slept, and has not had the processor since, is where it was, whether it
//!   has been woken or not: its clock tells, and nothing needs to be opened to know. With a
//!   thousand threads that is a look of less than a millisecond, instead of ten.
//! - Since which look a thread has been at what it is at: what began after a close is not
//!   about the number that was closed.
//!
//! Context: the looker's thread alone.

use super::looks::{Look, NUMBERS};
use crate::holders::calls::Deed;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use rustix::process::Pid;

/// So many are remembered.
pub(super) const THREADS: usize = 4096;
/// A thread is remembered in one of so many places.
const NEAR: usize = 16;
/// So much of the processor is enough to come back from a wait.
const PROGRESS_NS: u64 = 1_000_000;

/// What a call does to which numbers, as far as those are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds(u32);

impl Deeds {
    /// Nobody tells what. No call does this.
    pub const HIDDEN: Self = Self(RUNNING - 1);
    const BITS: u32 = 16;
    const NUMBERS: u32 = NUMBERS as u32;

    /// Of one call.
    pub fn of(deeds: [Option<(Deed, u64)>; 2]) -> Self {
        let word = |(deed, number): (Deed, u64)| (deed as u32 + 1) * Self::NUMBERS + number as u32 % Self::NUMBERS;
        let [one, other] = deeds.map(|deed| deed.map_or(0, word));
        Self(one | other << Self::BITS)
    }

    /// Each, as the place of the deed and the number.
    pub fn each(self) -> impl Iterator<Item = (usize, usize)> {
        let known = if self == Self::HIDDEN { 0 } else { self.0 };
        let words = [known & 0xffff, known >> Self::BITS].into_iter().filter(|&word| word != 0);
        words.map(|word| ((word / Self::NUMBERS - 1) as usize, (word % Self::NUMBERS) as usize))
    }
}

/// What a thread is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has the processor, or waits for it.
    Running,
    /// It sleeps in a call that does this.
    Asleep(Deeds),
}

zeroed! {
    /// One thread.
    pub struct Known {
        tid: AtomicU32,
        /// The latest look that saw it; 0: none.
        seen: AtomicU32,
        /// It has been at what it is at since this look.
        since: AtomicU32,
        /// Its [`Deeds`], or [`RUNNING`].
        state: AtomicU32,
        /// By this look it had had so many nanoseconds of the processor: progress counts from there.
        based: AtomicU32,
        base: AtomicU64,
        /// The same when it was last seen.
        had: AtomicU64,
    }
}

/// No call does this.
const RUNNING: u32 = u32::MAX;

impl Known {
    fn state(&self) -> State {
        match self.state.load(Relaxed) {
            RUNNING => State::Running,
            deeds => State::Asleep(Deeds(deeds)),
        }
    }

    /// Whether it was asleep, and has not had the processor since; and where.
    pub fn sleeps_on(&self, had: u64) -> Option<Deeds> {
        match self.state() {
            State::Asleep(deeds) if self.had.load(Relaxed) == had => Some(deeds),
            _ => None,
        }
    }

    /// What it is at now. Answers since which look: a thread that was running may have been
    /// in the call in which it is asleep now.
    pub fn note(&self, look: Look, state: State, had: u64) -> Look {
        let may_be_the_same = self.state() == State::Running || self.state() == state;
        if !may_be_the_same {
            self.begin(look, look, had);
        } else if had.saturating_sub(self.base.load(Relaxed)) >= PROGRESS_NS {
            // Of those who began to wait later nobody knows how much of it came after that.
            self.begin(self.based.load(Relaxed).wrapping_add(1), look, had);
        }
        self.put(look, state, had);
        self.since.load(Relaxed)
    }

    fn begin(&self, since: Look, look: Look, had: u64) {
        self.since.store(since, Relaxed);
        self.based.store(look, Relaxed);
        self.base.store(had, Relaxed);
    }

    fn put(&self, look: Look, state: State, had: u64) {
        self.seen.store(look, Relaxed);
        self.had.store(had, Relaxed);
        let word = match state {
            State::Running => RUNNING,
            State::Asleep(Deeds(deeds)) => deeds,
        };
        self.state.store(word, Relaxed);
    }
}

zeroed! {
    /// All of them.
    pub struct Threads([Known; THREADS]);
}

impl Threads {
    /// The thread, where the look before `look` has seen it.
    pub fn known(&self, tid: Pid, look: Look) -> Option<&Known> {
        let (tid, before) = (id(tid), look.wrapping_sub(1));
        self.near(tid).find(|known| before != 0 && known.seen.load(Relaxed) == before && known.tid.load(Relaxed) == tid)
    }

    /// Remembers one that is not known. A sleeper may be forgotten again for one that runs:
    /// false where there is no place all the same.
    pub fn remember(&self, tid: Pid, look: Look, state: State, had: u64) -> bool {
        let is_old = |known: &&Known| !is_of(known.seen.load(Relaxed), look);
        let is_asleep = |known: &&Known| state == State::Running && known.state() != State::Running;
        let place = self.near(id(tid)).find(is_old).or_else(|| self.near(id(tid)).find(is_asleep));
        let Some(known) = place else { return false };
        known.tid.store(id(tid), Relaxed);
        known.begin(look, look, had);
        known.put(look, state, had);
        true
    }

    fn near(&self, tid: u32) -> impl Iterator<Item = &Known> {
        (0..NEAR).filter_map(move |step| self.0.get((tid as usize + step) % THREADS))
    }
}

fn id(tid: Pid) -> u32 {
    tid.as_raw_nonzero().get() as u32
}

/// Whether what was `seen` may be of use to this look, or was written by it.
fn is_of(seen: Look, look: Look) -> bool {
    seen != 0 && (seen == look || seen == look.wrapping_sub(1))
}
