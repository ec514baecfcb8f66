//! What the looker has seen, and what the drainer makes of it.
//!
//! A look goes through all threads once, for every socket that waits. It notes by number
//! which descriptors a blocked call reads from or writes to. By the time of a look that
//! began after the close, a call on the closed number is one that the close has not
//! interrupted, or one on what has that number now.
//!
//! A thread that is *running* tells nothing of its call. Mostly the next look finds it
//! blocked, or finds that it has had the processor meanwhile: a reader that has been woken
//! would have taken what was queued by then, a writer would have added to what it writes.
//! Only as long as it has not, it may be such a one. [`Looks::saw`] waits for all of those,
//! and so gives the same answer on a machine that stands still.
//!
//! Context: the looker writes while a look is out; the drainer reads when none is.

use crate::judge::calls::Deed;
use crate::sys::clock::Millis;
use crate::sys::region::Zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use rustix::process::Pid;

/// Numbers are told apart by their lower bits: two that share them stand for each other.
const NUMBERS: usize = 4096;
const WORDS: usize = NUMBERS / 64;
/// With more threads running at once a look tells nothing.
const RUNNERS: usize = 256;
/// So much of the processor is enough to come back from a wait.
const PROGRESS_NS: u64 = 1_000_000;

/// A look, by number; 0 is none.
pub type Look = u32;

/// What looks say about the threads that may be at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// No look has begun since; or a thread that was running has not come to run.
    NotYet,
    /// No thread is.
    Nobody,
    /// One is blocked in such a call on this number, on this socket or on what has the number
    /// now. By the next look it may be running, and then counts from there on.
    Somebody,
    /// The kernel does not tell of all threads.
    Nothing,
}

#[repr(C)]
struct Set([AtomicU64; WORDS]);

impl Set {
    fn place(&self, number: u64) -> Option<(&AtomicU64, u64)> {
        let number = number as usize % NUMBERS;
        Some((self.0.get(number / 64)?, 1 << (number % 64)))
    }

    fn add(&self, number: u64) {
        if let Some((word, bit)) = self.place(number) {
            word.fetch_or(bit, Relaxed);
        }
    }

    fn has(&self, number: u64) -> bool {
        self.place(number).is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }
}

/// A thread that was running, look after look.
#[repr(C)]
struct Runner {
    tid: AtomicU32,
    /// The latest look that found it running; 0: none.
    seen: AtomicU32,
    /// It has had hardly any of the processor since this look.
    since: AtomicU32,
    /// What it had had by then, in nanoseconds.
    had: AtomicU64,
}

/// All that is shared between looker and drainer.
#[repr(C)]
pub struct Looks {
    asked: AtomicU32,
    answered: AtomicU32,
    stalled_since: AtomicU32,
    is_blind: AtomicU32,
    /// No look is asked for before.
    rests_until: AtomicU32,
    sets: [Set; 3],
    runners: [Runner; RUNNERS],
}

// SAFETY: repr(C), atomics only; all zeroes: no look was asked for.
unsafe impl Zeroed for Looks {}

impl Looks {
    /// The next look to begin: all that is noted before it is asked for is older.
    pub fn next(&self) -> Look {
        self.asked.load(SeqCst).wrapping_add(1)
    }

    /// The last look that is over.
    pub fn latest(&self) -> Look {
        self.answered.load(SeqCst)
    }

    /// Whether one is asked for and not over.
    pub fn is_out(&self) -> bool {
        self.asked.load(SeqCst) != self.latest()
    }

    /// Asks for one.
    pub fn ask(&self) {
        self.asked.fetch_add(1, SeqCst);
    }

    /// Milliseconds until the next may be asked for.
    pub fn rests_for(&self, now: Millis) -> u32 {
        Millis(self.rests_until.load(SeqCst)).since(now)
    }

    /// What looks have seen that began with `since`, of threads that do this to `number`.
    pub fn saw(&self, since: Look, deed: Deed, number: u64) -> Saw {
        match self.latest() {
            latest if is_after(since, latest) => Saw::NotYet,
            _ if self.is_blind.load(Relaxed) != 0 => Saw::Nothing,
            _ if self.sets.get(deed as usize).is_none_or(|set| set.has(number)) => Saw::Somebody,
            _ if self.is_stalled(since) => Saw::NotYet,
            _ => Saw::Nobody,
        }
    }

    /// Whether a thread that this look found running has not come to run since.
    pub fn is_stalled(&self, since: Look) -> bool {
        !is_after(self.stalled_since.load(Relaxed), since)
    }

    /// Nobody looks: that is all there is to be known.
    pub fn answer_nothing(&self, rest_ms: u32) {
        self.is_blind.store(1, Relaxed);
        self.answer(rest_ms);
    }

    fn answer(&self, rest_ms: u32) {
        self.rests_until.store(Millis::now().plus(rest_ms).0, SeqCst);
        self.answered.store(self.asked.load(SeqCst), SeqCst);
    }

    /// The look that was asked for begins.
    pub fn begin(&self) -> Sighting<'_> {
        let look = self.asked.load(SeqCst);
        self.sets.iter().flat_map(|set| &set.0).for_each(|word| word.store(0, Relaxed));
        Sighting { looks: self, look, stalled_since: look.wrapping_add(1), is_blind: false }
    }

    /// In a fork child: nothing is asked for.
    pub fn forget(&self) {
        self.asked.store(0, SeqCst);
        self.answered.store(0, SeqCst);
        self.runners.iter().for_each(|runner| runner.seen.store(0, Relaxed));
    }
}

/// A look that is being made.
pub struct Sighting<'a> {
    looks: &'a Looks,
    look: Look,
    stalled_since: Look,
    is_blind: bool,
}

impl Sighting<'_> {
    /// A thread is blocked in a call that does this to `number`.
    pub fn blocked(&self, deed: Deed, number: u64) {
        if let Some(set) = self.looks.sets.get(deed as usize) {
            set.add(number);
        }
    }

    /// A thread is running that has had so much of the processor so far.
    pub fn running(&mut self, tid: Pid, had_ns: u64) {
        let Some(since) = self.runs_since(tid.as_raw_nonzero().get() as u32, had_ns) else {
            self.is_blind = true;
            return;
        };
        if is_after(self.stalled_since, since) {
            self.stalled_since = since;
        }
    }

    /// Of a thread nobody can tell.
    pub fn unknown(&mut self) {
        self.is_blind = true;
    }

    /// The look is over.
    pub fn end(self, rest_ms: u32) {
        self.looks.stalled_since.store(self.stalled_since, Relaxed);
        self.looks.is_blind.store(u32::from(self.is_blind), Relaxed);
        self.looks.answer(rest_ms);
    }

    /// Whether some thread was not to be known.
    pub fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Since which look it has waited for the processor. `None`: there are too many.
    fn runs_since(&self, tid: u32, had_ns: u64) -> Option<Look> {
        let before = self.look.wrapping_sub(1);
        let seen = |runner: &&Runner| runner.seen.load(Relaxed);
        let known = self.looks.runners.iter().find(|r| seen(r) == before && before != 0 && r.tid.load(Relaxed) == tid);
        let is_free = |runner: &&Runner| seen(runner) == 0 || ![before, self.look].contains(&seen(runner));
        let runner = known.or_else(|| self.looks.runners.iter().find(is_free))?;
        let has_run = had_ns.saturating_sub(runner.had.load(Relaxed)) >= PROGRESS_NS;
        if known.is_none() || has_run {
            runner.tid.store(tid, Relaxed);
            runner.since.store(self.look, Relaxed);
            runner.had.store(had_ns, Relaxed);
        }
        runner.seen.store(self.look, Relaxed);
        Some(runner.since.load(Relaxed))
    }
}

fn is_after(one: Look, other: Look) -> bool {
    one != other && one.wrapping_sub(other) < u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::region::Region;

    const MS: u64 = 1_000_000;

    fn looks() -> Region<Looks> {
        let region = Region::new();
        assert!(region.ensure(1));
        region
    }

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw).unwrap()
    }

    /// One look, in which `see` says what there is.
    fn look(looks: &Looks, see: impl FnOnce(&mut Sighting<'_>)) {
        looks.ask();
        let mut sighting = looks.begin();
        see(&mut sighting);
        sighting.end(0);
    }

    #[test]
    fn a_look_tells_of_the_number_and_what_is_done_to_it() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.blocked(Deed::Writes, 5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        assert_eq!(looks.saw(since, Deed::Writes, 6), Saw::Nobody);
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn a_look_that_was_out_already_does_not_count() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        let since = looks.next();
        looks.begin().end(0);
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::NotYet);
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    #[test]
    fn a_thread_that_waits_for_the_processor_is_waited_for() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        for _ in 0..100 {
            look(looks, |sighting| sighting.running(pid(7), 3 * MS));
            assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::NotYet);
        }
        look(looks, |sighting| sighting.running(pid(7), 4 * MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Reads, 5), Saw::NotYet);
    }

    #[test]
    fn a_thread_that_was_blocked_in_between_begins_anew() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look(looks, |sighting| sighting.running(pid(7), MS));
        let since = looks.next();
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |sighting| sighting.running(pid(7), MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    #[test]
    fn where_a_thread_is_not_to_be_known_nothing_is() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.unknown());
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nothing);
        look(looks, |sighting| (1..=RUNNERS as i32 + 1).for_each(|tid| sighting.running(pid(tid), 0)));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nothing);
    }
}
