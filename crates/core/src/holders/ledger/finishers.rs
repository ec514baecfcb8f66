//! The processes that finish what others of the family have left at their ends.
//!
//! There are so many at once and no more, those among them that wait in place at their own
//! ends, and none where the control group has not room for as many processes as there are: who
//! connects and reads slowly must not be able to fill the table of processes. What is beyond
//! ends as natively. And they give way where the program itself gets no further process or
//! thread.
//!
//! A process is known by its pid and its start, which no other one has. Where procfs shows
//! another pid namespace it is taken for gone: then there may be more of them, and they do not
//! give way.
//!
//! Context: the end of a process, and hooks whose call the kernel has refused. Lock-free.

use super::family_memory::FamilyMemory;
use super::{Ledger, Owner};
use crate::sys::control_group;
use crate::sys::process;
use crate::sys::procfs::{Dir, Stat};
use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rustix::path::DecInt;
use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};

/// So many at once: each counts for `RLIMIT_NPROC`.
const MOST: usize = 128;

zeroed! {
    /// All of a family.
    pub struct Finishers([AtomicU64; MOST]);
}

/// A place for one; until it is there, it is that of the process which makes it.
#[must_use = "a finisher is to be put there, or it is to be left"]
pub struct FinisherPlace<'a> {
    memory: &'a FamilyMemory,
    /// None where there is no memory: then nobody counts.
    index: Option<usize>,
}

/// Set where the process that is named is the one that ends: it does not give way.
const ITSELF: u64 = 1 << 63;

impl FinisherPlace<'_> {
    /// It is this process.
    pub fn take(self, pid: Pid) {
        self.put(identity(pid).unwrap_or(0));
        core::mem::forget(self);
    }

    fn put(&self, identity: u64) {
        if let Some(place) = self.index.and_then(|index| self.memory.head()?.finishers.0.get(index)) {
            place.store(identity, SeqCst);
        }
    }
}

/// There is none.
impl Drop for FinisherPlace<'_> {
    fn drop(&mut self) {
        self.put(0);
    }
}

impl Finishers {
    /// The index of a free place, which is taken by `word`, or that of one who has gone.
    fn claim(&self, word: u64) -> Option<usize> {
        let take = |is_free: fn(u64) -> bool| {
            self.0.iter().position(|place| {
                let old = place.load(SeqCst);
                is_free(old) && place.compare_exchange(old, word, SeqCst, SeqCst).is_ok()
            })
        };
        take(|old| old == 0).or_else(|| take(|old| !lives(old)))
    }

    /// Ends all of them; answers whether there was any.
    fn end(&self) -> bool {
        let is_one = |word: &u64| *word != 0 && *word & ITSELF == 0;
        self.0.iter().map(|place| place.load(SeqCst)).filter(is_one).filter(|&word| end(word)).count() != 0
    }

    /// Whether whoever is the parent of those that have ended does not reap them: the first
    /// of them are all still there.
    fn stay_unreaped(&self) -> bool {
        const FIRST: usize = 8;
        self.0.iter().take(FIRST).all(|place| is_unreaped(place.load(SeqCst)))
    }
}

fn is_unreaped(word: u64) -> bool {
    pid_of(word).and_then(stat).is_some_and(|(start, is_ending)| is_ending && start == word >> 32)
}

/// Ends that process and no other: it is held by a descriptor while it is asked who it is.
fn end(word: u64) -> bool {
    let pid = pid_of(word);
    let Ok(fd) = process::open(pid) else { return false };
    let is_it = pid.and_then(identity) == Some(word);
    let has_ended = is_it && pidfd_send_signal(fd, Signal::KILL).is_ok();
    fd.close();
    has_ended
}

fn lives(word: u64) -> bool {
    pid_of(word).and_then(identity) == Some(word & !ITSELF)
}

fn pid_of(word: u64) -> Option<Pid> {
    Pid::from_raw(word as u32 as i32)
}

/// Pid and start in one word; `None` where it has gone, or is about to be.
fn identity(pid: Pid) -> Option<u64> {
    let (start, is_ending) = stat(pid)?;
    (!is_ending).then(|| start << 32 | u64::from(pid.as_raw_nonzero().get().unsigned_abs()))
}

/// When it was started, as far as it is noted, and whether it has ended.
#[inline(never)]
fn stat(pid: Pid) -> Option<(u64, bool)> {
    const STARTS: u64 = (1 << 31) - 1;
    let name = DecInt::new(pid.as_raw_nonzero().get());
    let stat = Stat::read(&Dir::root().ok()?, name.as_c_str()).ok()?;
    Some((stat.start & STARTS, stat.is_ending))
}

impl<'a> Owner<'a> {
    /// A place for a process that finishes what this one leaves; `None` where there are
    /// too many of them.
    pub fn reserve_finisher(self) -> Option<FinisherPlace<'a>> {
        if !control_group::has_room() {
            return None;
        }
        let memory = &self.0.memory;
        let Some(head) = memory.head() else { return Some(FinisherPlace { memory, index: None }) };
        let me = process::pid().and_then(identity).unwrap_or(0) | ITSELF;
        head.finishers.claim(me).map(|index| FinisherPlace { memory, index: Some(index) })
    }

    /// Whether somebody would have to do with a process that this one leaves behind: this one
    /// or one that it was forked from has made itself a subreaper, would find a child that it
    /// knows nothing of, and wait for it; or nobody reaps them, and each would stay for ever.
    pub fn troubles_its_parent(self) -> bool {
        self.0.reaps.load(SeqCst) || self.0.memory.head().is_some_and(|head| head.finishers.stay_unreaped())
    }

    /// This process is about to be the parent of what its descendants leave behind.
    pub fn will_reap(self) {
        self.0.reaps.store(true, SeqCst);
    }

    /// This process and its threads go on for a while after it has left all to `finisher`.
    pub fn finished_by(self, finisher: Pid) {
        self.0.finisher.store(finisher.as_raw_nonzero().get(), SeqCst);
    }

    /// Whether it has.
    pub fn has_finisher(self) -> bool {
        self.0.finisher.load(SeqCst) != 0
    }

    /// Somebody else may have all that is open from here on: then nobody inherits it.
    pub fn end_finisher(self) {
        if let Some(finisher) = Pid::from_raw(self.0.finisher.load(SeqCst)) {
            let _ = kill_process(finisher, Signal::KILL);
        }
    }

    /// All who finish something for the family give way; answers whether there was any.
    pub fn end_finishers(self) -> bool {
        self.0.memory.head().is_some_and(|head| head.finishers.end())
    }
}

impl Ledger {
    /// In a fork child: its parent's finisher is not its own.
    pub(super) fn forget_finisher(&self) {
        self.finisher.store(0, SeqCst);
    }
}

// Miri has no processes.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    fn nobody() -> Finishers {
        Finishers([const { AtomicU64::new(0) }; MOST])
    }

    fn child() -> (std::process::Child, u64) {
        let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let word = Pid::from_raw(child.id().cast_signed()).and_then(identity).unwrap();
        (child, word)
    }

    #[test]
    fn there_are_so_many_and_no_more_until_one_is_gone() {
        let (finishers, (mut sleeper, word)) = (nobody(), child());
        (0..MOST).for_each(|at| assert_eq!(finishers.claim(word), Some(at)));
        assert_eq!(finishers.claim(word), None);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(finishers.claim(1), Some(0));
    }

    #[test]
    fn they_give_way_and_nobody_else_does() {
        let (finishers, (mut sleeper, word), (mut other, another)) = (nobody(), child(), child());
        // The pid of one with the start of somebody who has gone; and one that ends itself.
        finishers.0[0].store(another ^ (1 << 40), SeqCst);
        finishers.0[1].store(another | ITSELF, SeqCst);
        assert!(!finishers.end());
        finishers.0[2].store(word, SeqCst);
        assert!(finishers.end());
        sleeper.wait().unwrap();
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
