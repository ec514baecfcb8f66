//! One look at the threads of the program, while it is made.
//!
//! Context: the looker only.

use super::deeds::{Deeds, ThreadState};
use super::look_number::{LookNumber, is_after};
use super::number_uses::NumberUses;
use super::thread_looks::ThreadLooks;
use core::sync::atomic::Ordering::Relaxed;
use rustix::process::Pid;

/// A look that is being made.
#[must_use = "a look that does not end is waited for"]
pub struct Sighting<'a> {
    looks: &'a ThreadLooks,
    look: LookNumber,
    /// A running thread has had no processor time since this look; the next look: none.
    stalled_since: LookNumber,
    /// The kernel does not tell of all threads.
    is_blind: bool,
    /// A thread sleeps in a call of which the kernel does not tell.
    has_hidden: bool,
}

impl<'a> Sighting<'a> {
    /// Begins the look that was asked for.
    pub fn begin(looks: &'a ThreadLooks) -> Self {
        let look = looks.begin();
        looks.uses.iter().for_each(NumberUses::clear);
        Self { looks, look, stalled_since: look.wrapping_add(1), is_blind: false, has_hidden: false }
    }

    /// Notes a thread by its processor time alone, in nanoseconds: where it has not changed since
    /// the last look found the thread asleep, the thread is in the same call. False where that
    /// does not tell. A thread in a call that is not known has to be looked at: whether it sleeps
    /// or has been woken makes a difference.
    pub fn note_by_clock(&mut self, tid: Pid, had_ns: u64) -> bool {
        let record = self.looks.records.find(tid, self.look);
        let deeds = record.and_then(|record| record.still_asleep_in(had_ns)).filter(|&deeds| deeds != Deeds::HIDDEN);
        deeds.into_iter().for_each(|deeds| self.note(tid, ThreadState::Asleep(deeds), had_ns));
        deeds.is_some()
    }

    /// Notes what a thread is doing that has had so many nanoseconds of processor time so far.
    pub fn note(&mut self, tid: Pid, state: ThreadState, had_ns: u64) {
        let record = self.looks.records.find(tid, self.look);
        let since = record.map(|record| record.note(self.look, state, had_ns));
        let is_remembered = since.is_some() || self.looks.records.remember(tid, self.look, state, had_ns);
        let since = since.unwrap_or(self.look);
        match state {
            ThreadState::Asleep(Deeds::HIDDEN) => self.has_hidden = true,
            ThreadState::Asleep(deeds) => deeds.each().for_each(|(deed, number)| self.note_use(deed, number, since)),
            ThreadState::Running if !is_remembered => self.is_blind = true,
            ThreadState::Running if is_after(self.stalled_since, since) => self.stalled_since = since,
            ThreadState::Running => {}
        }
    }

    fn note_use(&self, deed: usize, number: usize, since: LookNumber) {
        self.looks.uses.get(deed).into_iter().for_each(|uses| uses.add(number, since));
    }

    /// Notes that the kernel does not tell of a thread.
    pub fn note_unknown(&mut self) {
        self.is_blind = true;
    }

    /// The look is over.
    pub fn end(self) {
        self.looks.stalled_since.store(self.stalled_since, Relaxed);
        self.looks.has_hidden.store(u32::from(self.has_hidden), Relaxed);
        self.looks.answer(self.look, self.is_blind);
    }
}

#[cfg(test)]
mod tests {
    use super::super::thread_records::THREADS;
    use super::*;
    use crate::drain::looker::thread_looks::Saw;
    use crate::holders::calls::Deed;
    use crate::sys::region::Region;

    const MS: u64 = 1_000_000;

    fn looks() -> Region<ThreadLooks> {
        let region = Region::new();
        assert!(region.ensure(1));
        region
    }

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw).unwrap()
    }

    fn writes_to(number: u64) -> ThreadState {
        ThreadState::Asleep(Deeds::of([Some((Deed::Writes, number)), None]))
    }

    /// One look, in which `see` says what there is.
    fn look(looks: &ThreadLooks, see: impl FnOnce(&mut Sighting<'_>)) {
        looks.ask();
        let mut sighting = Sighting::begin(looks);
        see(&mut sighting);
        sighting.end();
    }

    #[test]
    fn a_look_tells_of_the_number_and_what_is_done_to_it() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.note(pid(7), writes_to(5), 0));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        assert_eq!(looks.saw(since, Deed::Writes, 6), Saw::Nobody);
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn a_thread_in_a_hidden_call_may_be_using_any_number() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.note(pid(7), ThreadState::Asleep(Deeds::HIDDEN), 0));
        assert_eq!([Deed::Reads, Deed::Writes].map(|deed| looks.saw(since, deed, 5)), [Saw::Somebody; 2]);
        assert!(looks.has_hidden());
        // The clock does not tell: the thread may have been woken.
        look(looks, |sighting| assert!(!sighting.note_by_clock(pid(7), 0)));
        assert!(!looks.has_hidden());
    }

    #[test]
    fn a_look_that_had_begun_already_does_not_count() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        let sighting = Sighting::begin(looks);
        let since = looks.next();
        sighting.end();
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::NotYet);
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    #[test]
    fn a_running_thread_is_waited_for_until_it_has_had_processor_time() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        for _ in 0..100 {
            look(looks, |sighting| sighting.note(pid(7), ThreadState::Running, 3 * MS));
            assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::NotYet);
        }
        look(looks, |sighting| sighting.note(pid(7), ThreadState::Running, 4 * MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Reads, 5), Saw::NotYet);
    }

    #[test]
    fn a_running_thread_that_the_look_before_has_not_seen_is_new() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look(looks, |sighting| sighting.note(pid(7), ThreadState::Running, MS));
        let since = looks.next();
        look(looks, |_| {});
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
        look(looks, |sighting| sighting.note(pid(7), ThreadState::Running, MS));
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    /// The next look is a second away.
    #[test]
    fn after_a_look_that_told_nothing_the_answer_is_known_to_be_unknown() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        looks.answer_nothing();
        assert_eq!(looks.saw(looks.next(), Deed::Writes, 5), Saw::Unknown);
    }

    #[test]
    fn one_thread_that_cannot_be_known_makes_all_unknown() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look(looks, |sighting| sighting.note_unknown());
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Unknown);
        look(looks, |sighting| {
            (1..=THREADS as i32 + 1).for_each(|tid| sighting.note(pid(tid), ThreadState::Running, 0))
        });
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Unknown);
    }

    /// One look at a thread: by its clock, else by its state. Answers whether the clock told.
    fn look_at(looks: &ThreadLooks, had_ns: u64, state: ThreadState) -> bool {
        let mut is_told = false;
        look(looks, |sighting| {
            is_told = sighting.note_by_clock(pid(7), had_ns);
            if !is_told {
                sighting.note(pid(7), state, had_ns);
            }
        });
        is_told
    }

    #[test]
    fn a_sleeper_without_processor_time_since_is_still_in_the_same_call() {
        let region = looks();
        let looks = region.get(0).unwrap();
        assert!(!look_at(looks, MS, writes_to(5)));
        let since = looks.next();
        assert!(look_at(looks, MS, ThreadState::Running));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        assert!(!look_at(looks, MS + 1, ThreadState::Running));
        assert_eq!(looks.saw(since, Deed::Writes, 6), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 6), Saw::NotYet);
    }

    #[test]
    fn a_call_that_began_after_the_first_look_does_not_count() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look_at(looks, MS, writes_to(6));
        look_at(looks, MS + 1, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 5), Saw::Somebody);
    }

    #[test]
    fn a_thread_that_was_running_may_have_been_in_the_call_in_which_it_sleeps_now() {
        let region = looks();
        let looks = region.get(0).unwrap();
        let since = looks.next();
        look_at(looks, MS, ThreadState::Running);
        look_at(looks, MS + 1, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Somebody);
        look_at(looks, 2 * MS, writes_to(5));
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn processor_time_from_before_the_wait_does_not_count() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look_at(looks, MS, ThreadState::Running);
        let since = looks.next();
        look_at(looks, 2 * MS - 1, ThreadState::Running);
        look_at(looks, 2 * MS, ThreadState::Running);
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::NotYet);
        look_at(looks, 3 * MS, ThreadState::Running);
        assert_eq!(looks.saw(since, Deed::Writes, 5), Saw::Nobody);
    }

    #[test]
    fn a_look_that_was_asked_for_before_serves_all_that_wait_when_it_begins() {
        let region = looks();
        let looks = region.get(0).unwrap();
        looks.ask();
        let since = looks.next();
        Sighting::begin(looks).end();
        assert_eq!(looks.saw(since, Deed::Reads, 5), Saw::Nobody);
    }

    #[test]
    fn a_fork_child_remembers_no_thread() {
        let region = looks();
        let looks = region.get(0).unwrap();
        look_at(looks, MS, writes_to(5));
        looks.forget();
        assert!(!look_at(looks, MS, ThreadState::Asleep(Deeds::default())));
        assert_eq!(looks.saw(looks.latest(), Deed::Writes, 5), Saw::Nobody);
    }
}
