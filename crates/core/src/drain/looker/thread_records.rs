//! What the looker remembers of each thread from look to look.
//!
//! - A thread that slept, and has used no processor time since, is still in the same call,
//!   whether it has been woken or not. Its processor clock tells that without a file to be
//!   opened: a look at a thousand threads takes less than a millisecond instead of twelve.
//! - Since which look a thread has been in its state. A call that began after a close is not
//!   about the socket that was closed.
//!
//! Context: the looker only; fields are atomics because they lie in shared memory.

use super::deeds::{Deeds, ThreadState};
use super::look_number::LookNumber;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use rustix::process::Pid;

/// How many threads can be remembered.
pub const THREADS: usize = 4096;
/// A thread is remembered in one of so many neighbouring records.
const NEAR: usize = 16;
/// A thread that has had so much processor time, in nanoseconds, has come back from the call
/// in which it was woken.
const PROGRESS_NS: u64 = 1_000_000;

zeroed! {
    /// What is remembered of one thread.
    pub struct ThreadRecord {
        tid: AtomicU32,
        /// The latest look that has seen the thread; 0: none.
        seen: AtomicU32,
        /// The thread has been in its state since this look.
        since: AtomicU32,
        /// The [`ThreadState`], as a word.
        state: AtomicU32,
        /// The look at which `base_ns` was taken.
        based: AtomicU32,
        /// The thread's processor time from which progress is counted, in nanoseconds.
        base_ns: AtomicU64,
        /// The thread's processor time when it was last seen, in nanoseconds.
        had_ns: AtomicU64,
    }
}

impl ThreadRecord {
    fn state(&self) -> ThreadState {
        ThreadState::from_word(self.state.load(Relaxed))
    }

    /// In which call the thread still is, given its processor time of now: where it was asleep
    /// when it was last seen, and has had no processor time since.
    pub fn still_asleep_in(&self, had_ns: u64) -> Option<Deeds> {
        match self.state() {
            ThreadState::Asleep(deeds) if self.had_ns.load(Relaxed) == had_ns => Some(deeds),
            _ => None,
        }
    }

    /// Notes what this look finds the thread doing. Answers since which look it may have been
    /// doing that: a thread that was running may have been in the call in which it now sleeps.
    pub fn note(&self, look: LookNumber, state: ThreadState, had_ns: u64) -> LookNumber {
        let may_be_the_same = self.state() == ThreadState::Running || self.state() == state;
        if !may_be_the_same {
            self.begin(look, look, had_ns);
        } else if had_ns.saturating_sub(self.base_ns.load(Relaxed)) >= PROGRESS_NS {
            // For a socket that began to wait after look `based`, part of that processor time
            // may have come before: so the progress counts for those that waited by then only.
            self.begin(self.based.load(Relaxed).wrapping_add(1), look, had_ns);
        }
        self.put(look, state, had_ns);
        self.since.load(Relaxed)
    }

    fn begin(&self, since: LookNumber, look: LookNumber, had_ns: u64) {
        self.since.store(since, Relaxed);
        self.based.store(look, Relaxed);
        self.base_ns.store(had_ns, Relaxed);
    }

    fn put(&self, look: LookNumber, state: ThreadState, had_ns: u64) {
        self.seen.store(look, Relaxed);
        self.had_ns.store(had_ns, Relaxed);
        self.state.store(state.word(), Relaxed);
    }
}

zeroed! {
    /// What is remembered of all threads.
    pub struct ThreadRecords([ThreadRecord; THREADS]);
}

impl ThreadRecords {
    /// The record of a thread, where the look before `look` has seen the thread.
    pub fn find(&self, tid: Pid, look: LookNumber) -> Option<&ThreadRecord> {
        let (tid, before) = (id(tid), look.wrapping_sub(1));
        let is_it = |record: &&ThreadRecord| record.seen.load(Relaxed) == before && record.tid.load(Relaxed) == tid;
        self.near(tid).find(|record| before != 0 && is_it(record))
    }

    /// Remembers a thread that has no record. Where there is no free one, a running thread takes
    /// that of a sleeping one, which can be looked at anew. False where there is none at all.
    pub fn remember(&self, tid: Pid, look: LookNumber, state: ThreadState, had_ns: u64) -> bool {
        let is_old = |record: &&ThreadRecord| !is_of(record.seen.load(Relaxed), look);
        let is_asleep =
            |record: &&ThreadRecord| state == ThreadState::Running && record.state() != ThreadState::Running;
        let free = self.near(id(tid)).find(is_old).or_else(|| self.near(id(tid)).find(is_asleep));
        let Some(record) = free else { return false };
        record.tid.store(id(tid), Relaxed);
        record.begin(look, look, had_ns);
        record.put(look, state, had_ns);
        true
    }

    fn near(&self, tid: u32) -> impl Iterator<Item = &ThreadRecord> {
        (0..NEAR).filter_map(move |step| self.0.get((tid as usize + step) % THREADS))
    }
}

fn id(tid: Pid) -> u32 {
    tid.as_raw_nonzero().get() as u32
}

/// Whether a record that look `seen` has written is of use to this look, or written by it.
fn is_of(seen: LookNumber, look: LookNumber) -> bool {
    seen != 0 && (seen == look || seen == look.wrapping_sub(1))
}
