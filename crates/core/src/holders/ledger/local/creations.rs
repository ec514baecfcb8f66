//! The calls that create processes, and which of them overlap the creation of a descriptor.
//!
//! A descriptor that one thread makes while another thread makes a process may be in that process,
//! and no count says so.
//!
//! Context: hooks of any kind; lock-free.

use super::spawning_threads::{Child, Return, SpawningThreads};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The beginnings and ends of calls that create a process, numbered.
pub struct Creations {
    /// Beginnings and ends of the calls whose child runs this program.
    forks: AtomicU32,
    under_way: AtomicU32,
    /// Beginnings and ends of the calls whose child runs another program.
    executions: AtomicU32,
    spawning: SpawningThreads,
}

/// The calls that had begun and ended at some moment; see [`crate::holders::ledger::Owner::opened`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    forks: u32,
    executions: u32,
}

impl Stamp {
    /// Before any call.
    pub const FIRST: Self = Self { forks: 0, executions: 0 };
}

/// Which processes may have been created at the same time as a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// None.
    Nothing,
    /// One that executed another program, and got what is not close-on-exec.
    Execution,
    /// One that runs this program.
    Fork,
}

impl Creations {
    /// No call so far.
    pub const fn new() -> Self {
        Self {
            forks: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            executions: AtomicU32::new(0),
            spawning: SpawningThreads::new(),
        }
    }

    /// The moment of now, to be taken before a system call that makes a descriptor.
    pub fn stamp(&self) -> Stamp {
        Stamp { forks: self.forks.load(SeqCst), executions: self.executions.load(SeqCst) }
    }

    /// A fork that hooks follow begins.
    pub fn begin(&self) {
        self.under_way.fetch_add(1, SeqCst);
        self.forks.fetch_add(1, SeqCst);
    }

    /// That fork has ended.
    pub fn end(&self) {
        self.forks.fetch_add(1, SeqCst);
        self.under_way.fetch_sub(1, SeqCst);
    }

    /// Whether a fork that hooks follow has begun and not ended.
    pub fn is_any_under_way(&self) -> bool {
        self.under_way.load(SeqCst) != 0
    }

    /// The calling thread is about to create a process that no count covers.
    pub fn enter(&self, child: Child, end: Return) {
        self.spawning.enter(child, end);
        self.count(child);
    }

    /// The calling thread has created it.
    pub fn leave(&self, child: Child) {
        self.count(child);
        self.spawning.leave();
    }

    fn count(&self, child: Child) {
        match child {
            Child::Executes | Child::Borrows => self.executions.fetch_add(1, SeqCst),
            Child::RunsOn => self.forks.fetch_add(1, SeqCst),
        };
    }

    /// Whether another thread may be creating a child that runs code of this program with everything
    /// that this process has.
    pub fn is_child_under_way(&self) -> bool {
        self.settle();
        self.spawning.is_any_running()
    }

    /// Whether any process is being created: it has got a copy of the descriptor table, or is about to.
    pub fn is_any_being_made(&self) -> bool {
        self.settle();
        self.is_any_under_way() || self.spawning.is_any()
    }

    /// Whether the calling thread, or another one, may have created its process in a call whose return
    /// no hook sees: then [`Creations::settle`] finds out.
    pub fn is_any_unseen(&self) -> bool {
        self.spawning.is_any_unseen()
    }

    /// A thread that was seen elsewhere since has created its process.
    pub fn settle(&self) {
        self.spawning.settle(|child| self.count(child));
    }

    /// In the child of a fork, where no thread is creating a process.
    pub fn become_child(&self) {
        self.under_way.store(0, SeqCst);
        self.spawning.forget();
    }

    /// Which processes may have what was made since that moment.
    pub fn overlap(&self, since: Stamp) -> Overlap {
        self.settle();
        let now = self.stamp();
        let is_forking = self.is_any_under_way() || self.spawning.is_any_running_on();
        if now.forks != since.forks || is_forking {
            Overlap::Fork
        } else if now.executions != since.executions || self.spawning.is_any() {
            Overlap::Execution
        } else {
            Overlap::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_overlaps_no_call_that_has_ended_before() {
        let forks = Creations::new();
        forks.begin();
        forks.end();
        forks.enter(Child::Executes, Return::Seen);
        forks.leave(Child::Executes);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Nothing);
    }

    #[test]
    fn a_descriptor_made_during_a_fork_may_be_in_the_child() {
        let forks = Creations::new();
        forks.begin();
        let since = forks.stamp();
        assert_eq!(forks.overlap(since), Overlap::Fork);
        assert!(forks.is_any_being_made());
        forks.end();
        assert!(!forks.is_any_being_made());
        assert_eq!(forks.overlap(since), Overlap::Fork);
    }

    #[test]
    fn a_descriptor_made_during_a_spawn_may_be_in_the_other_program() {
        let forks = Creations::new();
        let since = forks.stamp();
        forks.enter(Child::Executes, Return::Seen);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Execution);
        forks.leave(Child::Executes);
        assert_eq!(forks.overlap(since), Overlap::Execution);
    }

    #[test]
    fn an_unseen_call_is_over_when_its_thread_is_in_the_next_hook() {
        let forks = Creations::new();
        let since = forks.stamp();
        forks.enter(Child::RunsOn, Return::Unseen);
        assert!(!forks.is_child_under_way());
        assert_eq!(forks.overlap(since), Overlap::Fork);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Nothing);
    }
}
