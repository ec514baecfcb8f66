//! The processes that this one makes, and when: a descriptor that one thread makes while
//! another one makes a process may be in that process, which no count says.
//!
//! Context: hooks of any kind; lock-free.

use super::spawning_threads::{Child, Return, SpawningThreads};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The beginnings and ends of calls that make a process, numbered.
pub struct Creations {
    /// Of those whose child runs this program.
    forks: AtomicU32,
    under_way: AtomicU32,
    /// Of those whose child runs another one.
    executions: AtomicU32,
    spawning: SpawningThreads,
}

/// The processes made up to some moment; see [`crate::holders::ledger::Owner::opened`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    forks: u32,
    executions: u32,
}

impl Stamp {
    /// Before any.
    pub const FIRST: Self = Self { forks: 0, executions: 0 };
}

/// What may have been made at the same time as a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No process.
    Nothing,
    /// A process that executed another program, and had what is not close-on-exec.
    Execution,
    /// A process that runs this program.
    Fork,
}

impl Creations {
    /// None so far.
    pub const fn new() -> Self {
        Self {
            forks: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            executions: AtomicU32::new(0),
            spawning: SpawningThreads::new(),
        }
    }

    /// To be taken before a system call that makes a descriptor.
    pub fn stamp(&self) -> Stamp {
        Stamp { forks: self.forks.load(SeqCst), executions: self.executions.load(SeqCst) }
    }

    /// A fork begins.
    pub fn begin(&self) {
        self.under_way.fetch_add(1, SeqCst);
        self.forks.fetch_add(1, SeqCst);
    }

    /// It has ended.
    pub fn end(&self) {
        self.forks.fetch_add(1, SeqCst);
        self.under_way.fetch_sub(1, SeqCst);
    }

    /// Whether one has begun and not ended.
    pub fn is_any_under_way(&self) -> bool {
        self.under_way.load(SeqCst) != 0
    }

    /// The calling thread makes a process that no count covers.
    pub fn enter(&self, child: Child, end: Return) {
        self.spawning.enter(child, end);
        self.count(child);
    }

    /// It has made it.
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

    /// Whether another thread may be making a child that runs code of this program with
    /// everything that this process has.
    pub fn is_child_under_way(&self) -> bool {
        self.settle();
        self.spawning.is_any_running()
    }

    /// Whether any process is being made: it has got a copy of the table, or gets one yet.
    pub fn is_any_being_made(&self) -> bool {
        self.settle();
        self.is_any_under_way() || self.spawning.is_any()
    }

    /// Whether [`Creations::settle`] may have anything to do for the calling thread.
    pub fn is_any_unseen(&self) -> bool {
        self.spawning.is_any_unseen()
    }

    /// A thread that has gone on since has made its process.
    pub fn settle(&self) {
        self.spawning.settle(|child| self.count(child));
    }

    /// In the child of a fork: nobody is making a process.
    pub fn become_child(&self) {
        self.under_way.store(0, SeqCst);
        self.spawning.forget();
    }

    /// Who may have what was made since.
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
    fn what_is_made_while_nobody_makes_a_process_is_in_none() {
        let forks = Creations::new();
        forks.begin();
        forks.end();
        forks.enter(Child::Executes, Return::Seen);
        forks.leave(Child::Executes);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Nothing);
    }

    #[test]
    fn what_is_made_during_a_fork_may_be_in_the_child() {
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
    fn what_is_made_during_a_spawn_may_be_in_another_program() {
        let forks = Creations::new();
        let since = forks.stamp();
        forks.enter(Child::Executes, Return::Seen);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Execution);
        forks.leave(Child::Executes);
        assert_eq!(forks.overlap(since), Overlap::Execution);
    }

    #[test]
    fn a_call_whose_return_nobody_sees_is_over_when_its_thread_is_in_the_next_hook() {
        let forks = Creations::new();
        let since = forks.stamp();
        forks.enter(Child::RunsOn, Return::Unseen);
        assert!(!forks.is_child_under_way());
        assert_eq!(forks.overlap(since), Overlap::Fork);
        assert_eq!(forks.overlap(forks.stamp()), Overlap::Nothing);
    }
}
