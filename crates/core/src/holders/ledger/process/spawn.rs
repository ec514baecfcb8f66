//! Spawn.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::local::creations::Stamp;
use crate::holders::ledger::local::spawning_threads::{Child, Return};
use crate::holders::ledger::owner::{Ledger, Owner};
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

impl Owner<'_> {
    /// A process is about to be made that no hook follows as it is.
    pub fn before_spawn(self, child: Child, end: Return) {
        // First: what another thread makes from here on is asked for there.
        self.0.processes.creations.enter(child, end);
        self.end_finisher();
        self.0.limit.keep();
        self.0.sets.share();
        // What it gets is noted there.
        self.shares();
    }

    /// It has been made, or the call has failed.
    pub fn after_spawn(self, child: Child) {
        self.0.processes.creations.leave(child);
    }

    /// A process was made that no count covers; its pid, where the door tells it.
    pub fn spawned(self, pid: Option<Pid>) {
        self.0.sets.share();
        match pid {
            Some(pid) => self.0.processes.children.add(pid),
            None => self.0.processes.children.add_without_pid(),
        }
    }

    /// The calling thread is in a hook again.
    pub fn goes_on(self) {
        self.0.processes.creations.settle();
    }

    /// That process goes on with all that is open, beside this one.
    pub fn leak_all(self) {
        self.0.leak_all();
    }

    /// From now on children of this process are in another pid namespace.
    pub fn has_inner_children(self) {
        self.0.identity.has_inner_children.store(true, SeqCst);
    }

    /// Whether somebody has begun to copy a descriptor of this process, and may do so at any
    /// moment: a process is being made, or one of the family takes a descriptor of another.
    pub fn is_any_copy_under_way(self) -> bool {
        self.0.processes.creations.is_any_being_made() || self.0.family().is_taking()
    }
}

impl Ledger {
    /// To be taken before a system call that makes a descriptor. What this thread has made by a
    /// call whose return no hook saw, it has made before.
    pub fn stamp(&self) -> Stamp {
        if self.is_any_making() {
            self.owner().into_iter().for_each(Owner::goes_on);
        }
        self.processes.creations.stamp()
    }

    /// Whether a thread may have made a process without a hook having seen it go on.
    pub fn is_any_making(&self) -> bool {
        self.processes.creations.is_any_unseen()
    }

    /// Whether this process has ever made another one, as far as hooks have seen.
    pub fn has_forked(&self) -> bool {
        self.processes.creations.stamp() != Stamp::FIRST
    }
}
