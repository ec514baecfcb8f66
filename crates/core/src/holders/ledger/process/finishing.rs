//! The finisher of this process: the `softclose-drain` process that goes on with the connections
//! that this one leaves at its end.
//!
//! Context: the end of a process, and hooks of calls that make a process or whose call the kernel
//! has refused.

use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::finishers::{ITSELF, identity};
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::control_group;
use crate::sys::process;
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::{Pid, Signal, kill_process};

/// A reserved place for a finisher. Until the finisher is there it holds the calling process.
#[must_use = "a finisher is to be put there, or it is to be left"]
pub struct FinisherPlace<'a> {
    memory: &'a FamilyMemory,
    /// `None` where there is no family memory: then finishers are not counted.
    index: Option<usize>,
}

impl FinisherPlace<'_> {
    /// The finisher is process `pid`.
    pub fn take(self, pid: Pid) {
        self.put(identity(pid).unwrap_or(0));
        core::mem::forget(self);
    }

    fn put(&self, identity: u64) {
        if let Some(place) = self.index.and_then(|index| self.memory.head()?.finishers.place(index)) {
            place.store(identity, SeqCst);
        }
    }
}

/// There is no finisher: the place is free again.
impl Drop for FinisherPlace<'_> {
    fn drop(&mut self) {
        self.put(0);
    }
}

impl<'a> Owner<'a> {
    /// A place for a process that finishes what this one leaves; `None` where there are too many finishers,
    /// or too many processes in the control group.
    pub fn reserve_finisher(self) -> Option<FinisherPlace<'a>> {
        if !control_group::has_room() {
            return None;
        }
        let memory = &self.0.memory;
        let Some(head) = memory.head() else { return Some(FinisherPlace { memory, index: None }) };
        let me = process::pid().and_then(identity).unwrap_or(0) | ITSELF;
        head.finishers.take(me).map(|index| FinisherPlace { memory, index: Some(index) })
    }

    /// Whether a finisher would trouble the process that becomes its parent. This process, or one that it
    /// was forked from, has made itself a subreaper: it would find a child that it knows nothing of, and
    /// wait for it. Or nobody reaps the finishers, and each would stay as a zombie.
    pub fn troubles_its_parent(self) -> bool {
        self.0.finishing.is_subreaper.load(SeqCst)
            || self.0.memory.head().is_some_and(|head| head.finishers.stay_unreaped())
    }

    /// This process makes itself a subreaper: it becomes the parent of its orphaned descendants.
    pub fn will_reap(self) {
        self.0.finishing.is_subreaper.store(true, SeqCst);
    }

    /// This process and its threads go on for a while after it has left everything to `finisher`.
    pub fn finished_by(self, finisher: Pid) {
        self.0.finishing.finisher.store(finisher.as_raw_nonzero().get(), SeqCst);
    }

    /// Whether this process has left everything to a finisher.
    pub fn has_finisher(self) -> bool {
        self.0.finishing.finisher.load(SeqCst) != 0
    }

    /// Kills the finisher. Another process may get what is open from here on: then the finisher must not
    /// close those connections.
    pub fn end_finisher(self) {
        if let Some(finisher) = Pid::from_raw(self.0.finishing.finisher.load(SeqCst)) {
            let _ = kill_process(finisher, Signal::KILL);
        }
    }

    /// Kills all finishers of the family; answers whether there was any.
    pub fn end_finishers(self) -> bool {
        self.0.memory.head().is_some_and(|head| head.finishers.end())
    }
}

impl Ledger {
    /// In a fork child, which has no finisher: the one noted is its parent's.
    pub(in crate::holders::ledger) fn forget_finisher(&self) {
        self.finishing.finisher.store(0, SeqCst);
    }
}
