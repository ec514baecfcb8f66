//! Calls that make a process which no hook follows as it is: `vfork`, `posix_spawn`, `system`, raw
//! `clone`.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::local::creations::Stamp;
use crate::holders::ledger::local::spawning_threads::{Child, Return};
use crate::holders::ledger::owner::{Ledger, Owner};
use rustix::process::Pid;

impl Owner<'_> {
    /// A process is about to be made that no hook follows as it is.
    pub fn before_spawn(self, child: Child, end: Return) {
        // First: from here on other threads that make a descriptor ask which process gets it.
        self.0.processes.creations.enter(child, end);
        self.end_finisher();
        self.0.limit.keep();
        self.0.sets.share();
        // What the process gets is noted in the shared memory.
        self.shares();
    }

    /// The process was made, or the call has failed.
    pub fn after_spawn(self, child: Child) {
        self.0.processes.creations.leave(child);
    }

    /// A process was made that no count covers; `pid` where the call tells it.
    pub fn spawned(self, pid: Option<Pid>) {
        self.0.sets.share();
        match pid {
            Some(pid) => self.0.processes.children.add(pid),
            None => self.0.processes.children.add_without_pid(),
        }
    }

    /// The calling thread is in a hook again: it has made its process.
    pub fn goes_on(self) {
        self.0.processes.creations.settle();
    }

    /// A process that no count covers goes on with all that is open, beside this one.
    pub fn leak_all(self) {
        self.0.leak_all();
    }

    /// From now on this process makes its children in another pid namespace.
    pub fn makes_inner_children(self) {
        self.0.identity.makes_inner_children();
    }

    /// Whether a thread or process may be copying a descriptor of this process at this moment: a process
    /// is being made, or one of the family takes a descriptor of another (`pidfd_getfd`).
    pub fn is_any_copy_under_way(self) -> bool {
        self.0.processes.creations.is_any_being_made() || self.0.family().is_taking()
    }
}

impl Ledger {
    /// The moment of now, to be taken before a system call that makes a descriptor. Where the calling
    /// thread has made a process in a call whose return no hook saw, that call counts as over.
    pub fn stamp(&self) -> Stamp {
        if self.is_any_making() {
            self.owner().into_iter().for_each(Owner::goes_on);
        }
        self.processes.creations.stamp()
    }

    /// Whether a thread may have made its process in a call whose return no hook sees.
    pub fn is_any_making(&self) -> bool {
        self.processes.creations.is_any_unseen()
    }

    /// Whether this process has ever made another one, as far as hooks have seen.
    pub fn has_forked(&self) -> bool {
        self.processes.creations.stamp() != Stamp::FIRST
    }
}
