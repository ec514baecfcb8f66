//! A program and the programs that it executes: one lineage, with one memory.
//!
//! What another program gets is counted for it before it runs, under the name that its
//! process has in the family or gets for that ([`Execution`]). A [`Ticket`] tells it where
//! the memory is, and what its name is: it is handed on in one variable of the environment,
//! which the constructor takes out again ([`Ledger::claim`]). Until the program has said what
//! it has, its cells are marked as abroad ([`super::cells`]): whoever closes meanwhile is not
//! the last. A program that never says so, as the shim is not in it, stays abroad.
//!
//! Nobody but the user who has made the memory attaches it (`sys/segment.rs`), and a process
//! that has lost its user leaves it for one that no program finds ([`super::detach`]).
//!
//! Context: [`Execution`] hooks of any kind, also in `vfork` children: all stores are to
//! shared memory. [`Ledger::claim`] the constructor.

use super::ticket::{LAYOUT, Ticket};
use crate::holders::ledger::local::spawning_threads::{Child, Return};
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::{Fd, clock, process, socket};
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

/// Whose program is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// The calling process itself.
    Caller,
    /// That of a child which the calling process makes for it.
    Child,
}

/// A program that is about to be executed, for which is counted what it gets.
#[derive(Clone, Copy, Debug)]
#[must_use = "it fails, or it runs"]
pub struct Execution {
    holder: Token,
    /// The name was given for it.
    is_new: bool,
    /// It gets a connection, or may get one by a message.
    gets_any: bool,
    /// `None` where it cannot find the memory.
    pub ticket: Option<Ticket>,
}

impl Ledger {
    /// Another program is about to be executed with what is open and not close-on-exec.
    /// `None` where nothing is shared, and where all that it gets is marked instead.
    #[inline(never)]
    pub fn begin_execution(&self, executor: Executor) -> Option<Execution> {
        let me = self.me()?;
        let is_owner = self.owner().is_some();
        let is_new = executor == Executor::Child || !is_owner;
        let Some(holder) = (if is_new { self.register_program(executor) } else { Some(me) }) else {
            self.hand_on_kept();
            return None;
        };
        if !is_new {
            // What another thread makes from here on is asked for there.
            self.processes.creations.enter(Child::Executes, Return::Seen);
            self.processes.replacing.fetch_add(1, SeqCst);
        }
        let gets_any = if is_new {
            self.each_kept(|slot| self.descriptions().with(slot, |slot| slot.hold_in_transit(holder)))
        } else {
            self.family().set_unfollowed(me);
            self.each_kept(|slot| self.descriptions().with(slot, |slot| slot.begin_transit(me)))
        };
        // What is closed by `exec` it is to say as well.
        let is_concerned = gets_any || is_new || self.table.find(0, |_, _| true).is_some();
        let ticket = if is_concerned { self.ticket(holder, executor) } else { None };
        let execution = Execution { holder, is_new, gets_any, ticket };
        if executor == Executor::Caller { self.needed(execution) } else { Some(execution) }
    }

    /// A new name is needed only where the program gets anything.
    pub fn needed(&self, execution: Execution) -> Option<Execution> {
        let is_needed = execution.gets_any || !execution.is_new;
        if !is_needed {
            self.family().remove(execution.holder);
        }
        is_needed.then_some(execution)
    }

    fn register_program(&self, executor: Executor) -> Option<Token> {
        // A child that no hook has seen, which has another pid than its parent knows.
        if self.owner().is_none() && process::is_parent_outside() {
            return None;
        }
        let holder = self.family().register(self.here(), clock::seconds_since_boot())?;
        // Also where nobody ever learns its pid.
        self.family().set_exists(holder);
        self.family().set_unfollowed(holder);
        if executor == Executor::Caller {
            self.family().set_pid(holder, process::pid()?, self.here());
        }
        Some(holder)
    }

    fn ticket(&self, holder: Token, executor: Executor) -> Option<Ticket> {
        let parent = if executor == Executor::Child { process::pid()?.as_raw_nonzero().get() as u64 } else { 0 };
        Some(Ticket {
            id: u64::try_from(self.memory.id()?).ok()?,
            len: self.memory.len() as u64,
            founded: self.family().founded() ^ LAYOUT,
            token: holder.raw().into(),
            namespace: self.here().0,
            parent,
        })
    }

    /// The program gets `fd` too, whatever that is.
    pub fn give(&self, execution: &mut Execution, fd: Fd) {
        match if socket::may_connect(fd) { self.slot_now(fd) } else { None } {
            Some(slot) => {
                execution.gets_any = true;
                self.descriptions().with(slot, |slot| slot.hold_in_transit(execution.holder));
            }
            None => self.hand_on(fd),
        }
    }

    /// It does not run.
    pub fn execution_failed(&self, execution: Execution) {
        let Execution { holder, is_new, .. } = execution;
        if is_new {
            self.each_slot_of(holder, |slot| self.descriptions().with(slot, |slot| slot.end_transit(holder, 0)));
            self.family().remove(holder);
        } else if self.leave_execution(execution) {
            self.each_slot_of(holder, |slot| self.descriptions().with(slot, |slot| slot.cancel_transit(holder)));
            self.family().set_followed(holder);
        }
    }

    /// Nobody waits for it any more. Answers whether it is that of this process, and no other
    /// thread's attempt may succeed.
    pub fn leave_execution(&self, execution: Execution) -> bool {
        if execution.is_new {
            return false;
        }
        self.processes.creations.leave(Child::Executes);
        self.processes.replacing.fetch_sub(1, SeqCst) == 1
    }

    /// The process that was made for it has this pid.
    pub fn execution_runs(&self, execution: Execution, pid: Pid) {
        self.family().set_pid(execution.holder, pid, self.here());
    }

    pub(super) fn each_slot_of(&self, holder: Token, mut visit: impl FnMut(SlotId)) {
        let all = self.descriptions();
        let slots = (1..=self.family().reach() as u32).filter_map(SlotId::new);
        slots.filter(|&slot| all.holders(slot).any(|other| other == holder)).for_each(&mut visit);
    }
}

impl Owner<'_> {
    /// As [`Ledger::begin_execution`], in the executor of this process, unless the call `will_fail`.
    pub fn before_exec(self, will_fail: impl Fn() -> bool) -> Option<Execution> {
        self.0.limit.keep();
        if self.shares() && !will_fail() { self.0.begin_execution(Executor::Caller) } else { None }
    }
}
