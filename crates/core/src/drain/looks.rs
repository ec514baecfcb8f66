//! What the looker has seen, and what the drainer makes of it.
//!
//! A look goes through all threads once, for every socket that waits. It notes by number
//! which descriptors a blocked call reads from or writes to, and since which look. In a look
//! that began after the close, a call on the closed number is one that the close has not
//! interrupted, or one on what has that number now; in a later one, what has begun since is
//! on the latter.
//!
//! A thread that is *running* tells nothing of its call. Mostly the next look finds it
//! blocked, or finds that it has had the processor meanwhile: a reader that has been woken
//! would have taken what was queued by then, a writer would have added to what it writes.
//! Only as long as it has not, it may be such a one. [`Looks::saw`] waits for all of those,
//! and so gives the same answer on a machine that stands still.
//!
//! Context: the looker writes while a look is out; the drainer reads when none is.

use super::threads::{Deeds, State, Threads};
use crate::holders::calls::Deed;
use crate::sys::clock::Millis;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use rustix::process::Pid;

/// Numbers are told apart by their lower bits: two that share them stand for each other.
pub(super) const NUMBERS: usize = 4096;
/// Where nothing can be known, it is not asked for more often.
const BLIND_REST_MS: u32 = 1000;

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

zeroed! {
    /// Of each number, since which look somebody has been at it; 0: nobody.
    struct Numbers([AtomicU32; NUMBERS]);
}

impl Numbers {
    fn at(&self, number: usize) -> Option<&AtomicU32> {
        self.0.get(number % NUMBERS)
    }

    fn add(&self, number: usize, since: Look) {
        let is_first = |word: &&AtomicU32| match word.load(Relaxed) {
            0 => true,
            other => is_after(other, since),
        };
        self.at(number).filter(is_first).into_iter().for_each(|word| word.store(since, Relaxed));
    }

    /// Whether somebody has been at it since then, or longer.
    fn has(&self, number: usize, since: Look) -> bool {
        self.at(number).is_none_or(|word| match word.load(Relaxed) {
            0 => false,
            begun => !is_after(begun, since),
        })
    }
}

zeroed! {
    /// All that is shared between looker and drainer.
    pub struct Looks {
        asked: AtomicU32,
        begun: AtomicU32,
        answered: AtomicU32,
        stalled_since: AtomicU32,
        is_blind: AtomicU32,
        /// Whether a thread sleeps of which nobody tells where.
        has_hidden: AtomicU32,
        /// No look is asked for before.
        rests_until: AtomicU32,
        deeds: [Numbers; 3],
        threads: Threads,
    }
}

impl Looks {
    /// The next look to begin: all that was noted before is older.
    pub fn next(&self) -> Look {
        self.begun.load(SeqCst).wrapping_add(1)
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
        let is_blind = self.is_blind.load(Relaxed) != 0;
        match self.latest() {
            _ if is_blind && self.rests_for(Millis::now()) != 0 => Saw::Nothing,
            latest if is_after(since, latest) => Saw::NotYet,
            _ if is_blind => Saw::Nothing,
            _ if self.has_hidden() => Saw::Somebody,
            _ if self.deeds.get(deed as usize).is_none_or(|at| at.has(number as usize, since)) => Saw::Somebody,
            _ if self.is_stalled(since) => Saw::NotYet,
            _ => Saw::Nobody,
        }
    }

    /// Whether a thread sleeps of which nobody tells where: it may be at any number.
    pub fn has_hidden(&self) -> bool {
        self.has_hidden.load(Relaxed) != 0
    }

    /// Whether a thread that this look found running has not come to run since.
    pub fn is_stalled(&self, since: Look) -> bool {
        !is_after(self.stalled_since.load(Relaxed), since)
    }

    /// Nobody looks: that is all there is to be known.
    pub fn answer_nothing(&self) {
        let look = self.begin_one();
        self.answer(look, true);
    }

    fn begin_one(&self) -> Look {
        let look = self.asked.load(SeqCst);
        self.begun.store(look, SeqCst);
        look
    }

    fn answer(&self, look: Look, is_blind: bool) {
        let rest_ms = if is_blind { BLIND_REST_MS } else { 0 };
        self.is_blind.store(u32::from(is_blind), Relaxed);
        self.rests_until.store(Millis::now().plus(rest_ms).0, SeqCst);
        self.answered.store(look, SeqCst);
    }

    /// The look that was asked for begins.
    pub fn begin(&self) -> Sighting<'_> {
        let look = self.begin_one();
        self.deeds.iter().flat_map(|at| &at.0).for_each(|word| word.store(0, Relaxed));
        Sighting { looks: self, look, stalled_since: look.wrapping_add(1), is_blind: false, has_hidden: false }
    }

    /// In a fork child: nothing is asked for. Two looks on, so that no thread is known.
    pub fn forget(&self) {
        self.asked.fetch_add(2, SeqCst);
        let look = self.begin_one();
        self.answer(look, false);
    }
}

/// A look that is being made.
pub struct Sighting<'a> {
    looks: &'a Looks,
    look: Look,
    stalled_since: Look,
    is_blind: bool,
    has_hidden: bool,
}

impl Sighting<'_> {
    /// The thread has had so much of the processor so far. Whether that tells where it is:
    /// asleep in the call in which the last look has seen it, or woken and not come to run. Of
    /// those of whom nobody knows the call that makes a difference.
    pub fn sleeps_on(&mut self, tid: Pid, had_ns: u64) -> bool {
        let known = self.looks.threads.known(tid, self.look);
        let deeds = known.and_then(|known| known.sleeps_on(had_ns)).filter(|&deeds| deeds != Deeds::HIDDEN);
        deeds.into_iter().for_each(|deeds| self.saw(tid, State::Asleep(deeds), had_ns));
        deeds.is_some()
    }

    /// What a thread is at that has had so much of the processor so far.
    pub fn saw(&mut self, tid: Pid, state: State, had_ns: u64) {
        let known = self.looks.threads.known(tid, self.look);
        let since = known.map(|known| known.note(self.look, state, had_ns));
        let is_remembered = since.is_some() || self.looks.threads.remember(tid, self.look, state, had_ns);
        let since = since.unwrap_or(self.look);
        match state {
            State::Asleep(Deeds::HIDDEN) => self.has_hidden = true,
            State::Asleep(deeds) => deeds.each().for_each(|(deed, number)| self.is_at(deed, number, since)),
            State::Running if !is_remembered => self.is_blind = true,
            State::Running if is_after(self.stalled_since, since) => self.stalled_since = since,
            State::Running => {}
        }
    }

    fn is_at(&self, deed: usize, number: usize, since: Look) {
        self.looks.deeds.get(deed).into_iter().for_each(|at| at.add(number, since));
    }

    /// Of a thread nobody can tell.
    pub fn unknown(&mut self) {
        self.is_blind = true;
    }

    /// The look is over.
    pub fn end(self) {
        self.looks.stalled_since.store(self.stalled_since, Relaxed);
        self.looks.has_hidden.store(u32::from(self.has_hidden), Relaxed);
        self.looks.answer(self.look, self.is_blind);
    }
}

fn is_after(one: Look, other: Look) -> bool {
    one != other && one.wrapping_sub(other) < u32::MAX / 2
}

#[cfg(test)]
mod tests {
    use super::super::threads::THREADS;
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

    fn writes_to(number: u64) -> State {
        State::Asleep(Deeds::of([Some((Deed::Writes, number)), None]))
    }

    /// One look, in which `see` says what there is.
    fn look(looks: &Looks, see: impl FnOnce(&mut Sighting<'_>)) {
        looks.ask();
        let mut sighting = looks.begin();
        see(&mut sighting);
        sighting.end();
    }

    #[test]
    fn a_look_tells_of_the_number_and_what_is_done_to_it() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.saw(pid(7), writes_to(5), 0));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        assert_eq!(looks.saw(since, Deed::Writes, 6), Saw::Nobody);
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn who_sleeps_where_nobody_tells_may_be_at_any_number() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.saw(pid(7), State::Asleep(Deeds::HIDDEN), 0));
        assert_eq!([Deed::Reads, Deed::Writes].map(|deed| looks.saw(since, deed, 5)), [Saw::Somebody; 2]);
        assert!(looks.has_hidden());
        // It may have been woken.
        look(looks, |sighting| assert!(!sighting.sleeps_on(pid(7), 0)));
        assert!(!looks.has_hidden());
    }

    #[test]
    fn a_look_that_had_begun_already_does_not_count() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        let sighting = looks.begin();
        let since = looks.next();
        sighting.end();
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
            look(looks, |sighting| sighting.saw(pid(7), State::Running, 3 * MS));
            assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::NotYet);
        }
        look(looks, |sighting| sighting.saw(pid(7), State::Running, 4 * MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Reads, 5), Saw::NotYet);
    }

    #[test]
    fn a_thread_that_was_blocked_in_between_begins_anew() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look(looks, |sighting| sighting.saw(pid(7), State::Running, MS));
        let since = looks.next();
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |sighting| sighting.saw(pid(7), State::Running, MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    /// The next look is a second away.
    #[test]
    fn nobody_waits_for_a_look_where_the_last_one_told_nothing() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        looks.answer_nothing();
        assert_eq!(looks.saw(looks.next(), Deed::Writes, 5), Saw::Nothing);
    }

    #[test]
    fn where_a_thread_is_not_to_be_known_nothing_is() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.unknown());
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nothing);
        look(looks, |sighting| (1..=THREADS as i32 + 1).for_each(|tid| sighting.saw(pid(tid), State::Running, 0)));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nothing);
    }

    /// One look at a thread whose clock may tell, and its state where that does not.
    fn look_at(looks: &Looks, had_ns: u64, state: State) -> bool {
        let mut is_told = false;
        look(looks, |sighting| {
            is_told = sighting.sleeps_on(pid(7), had_ns);
            if !is_told {
                sighting.saw(pid(7), state, had_ns);
            }
        });
        is_told
    }

    #[test]
    fn who_has_not_run_since_it_slept_is_where_it_was() {
        let region = looks();
        let looks = region.get(0).unwrap();
        assert!(!look_at(looks, MS, writes_to(5)));
        let since = looks.next();
        assert!(look_at(looks, MS, State::Running));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        assert!(!look_at(looks, MS + 1, State::Running));
        assert_eq!(looks.saw(since, Deed::Writes, 6), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 6), Saw::NotYet);
    }

    #[test]
    fn a_call_that_began_after_another_look_is_on_what_has_the_number_now() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look_at(looks, MS, writes_to(6));
        look_at(looks, MS + 1, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 5), Saw::Somebody);
    }

    #[test]
    fn who_was_running_may_have_been_in_the_call_in_which_it_sleeps_now() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look_at(looks, MS, State::Running);
        look_at(looks, MS + 1, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        look_at(looks, 2 * MS, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    /// What it had had before somebody began to wait does not count for that one.
    #[test]
    fn a_thread_has_to_run_after_the_wait_began() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look_at(looks, MS, State::Running);
        let since = looks.next();
        look_at(looks, 2 * MS - 1, State::Running);
        look_at(looks, 2 * MS, State::Running);
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::NotYet);
        look_at(looks, 3 * MS, State::Running);
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn who_asks_while_the_looker_rests_shares_the_next_look() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        let since = looks.next();
        looks.begin().end();
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    #[test]
    fn a_fork_child_knows_no_thread() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look_at(looks, MS, writes_to(5));
        looks.forget();
        assert!(!look_at(looks, MS, State::Asleep(Deeds::default())));
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 5), Saw::Nobody);
    }
}
