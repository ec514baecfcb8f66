//! Finishing.

use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::finishers::{ITSELF, identity};
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::pids;
use crate::sys::process;
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::{Pid, Signal, kill_process};

/// A place for one; until it is there, it is that of the process which makes it.
#[must_use = "a finisher is to be put there, or it is to be left"]
pub struct FinisherPlace<'a> {
    memory: &'a FamilyMemory,
    /// None where there is no memory: then nobody counts.
    index: Option<usize>,
}

impl FinisherPlace<'_> {
    /// It is this process.
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

/// There is none.
impl Drop for FinisherPlace<'_> {
    fn drop(&mut self) {
        self.put(0);
    }
}

impl<'a> Owner<'a> {
    /// A place for a process that finishes what this one leaves; `None` where there are
    /// too many of them.
    pub fn reserve_finisher(self) -> Option<FinisherPlace<'a>> {
        if !pids::have_room() {
            return None;
        }
        let memory = &self.0.memory;
        let Some(head) = memory.head() else { return Some(FinisherPlace { memory, index: None }) };
        let me = process::pid().and_then(identity).unwrap_or(0) | ITSELF;
        head.finishers.take(me).map(|index| FinisherPlace { memory, index: Some(index) })
    }

    /// Whether somebody would have to do with a process that this one leaves behind: this one
    /// or one that it was forked from has made itself a subreaper, would find a child that it
    /// knows nothing of, and wait for it; or nobody reaps them, and each would stay for ever.
    pub fn troubles_its_parent(self) -> bool {
        self.0.finishing.is_subreaper.load(SeqCst)
            || self.0.memory.head().is_some_and(|head| head.finishers.stay_unreaped())
    }

    /// This process is about to be the parent of what its descendants leave behind.
    pub fn will_reap(self) {
        self.0.finishing.is_subreaper.store(true, SeqCst);
    }

    /// This process and its threads go on for a while after it has left all to `finisher`.
    pub fn finished_by(self, finisher: Pid) {
        self.0.finishing.finisher.store(finisher.as_raw_nonzero().get(), SeqCst);
    }

    /// Whether it has.
    pub fn has_finisher(self) -> bool {
        self.0.finishing.finisher.load(SeqCst) != 0
    }

    /// Somebody else may have all that is open from here on: then nobody inherits it.
    pub fn end_finisher(self) {
        if let Some(finisher) = Pid::from_raw(self.0.finishing.finisher.load(SeqCst)) {
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
    pub(in crate::holders::ledger) fn forget_finisher(&self) {
        self.finishing.finisher.store(0, SeqCst);
    }
}
