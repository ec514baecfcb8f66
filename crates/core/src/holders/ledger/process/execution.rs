//! A program and the programs that it executes: one lineage, with one memory.
//!
//! What another program gets is counted for it before it runs. It is counted under the token of the
//! process that executes it, or under a new one ([`Execution`]). A [`Ticket`] tells the program where
//! the memory is and what its token is: one variable in its environment, which its constructor takes
//! out again (`after_exec.rs`). Until the program has said what it has, its cells are marked as *in
//! transit* ([`crate::holders::ledger::memory::cells`]): a process that closes the connection
//! meanwhile is not the last holder. A program without the shim never says so, and its cells stay in
//! transit.
//!
//! Only the user who has made the memory attaches it (`sys/segment.rs`). A process that has lost that
//! user leaves it, for memory that no program finds (`detach.rs`).
//!
//! Context: hooks of any kind, also in `vfork` children: all stores are to shared memory.

use super::ticket::{LAYOUT, Ticket};
use crate::holders::ledger::local::spawning_threads::{Child, Return};
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::{Fd, clock, process, socket};
use core::cell::Cell;
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

/// Which process executes the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// The calling process.
    Caller,
    /// A child that the calling process makes for it (`posix_spawn`).
    Child,
}

/// A program that is about to be executed, and for which is counted what it gets.
#[derive(Clone, Copy, Debug)]
#[must_use = "it fails, or it runs"]
pub struct Execution {
    holder: Token,
    /// The token was made for it.
    is_new: bool,
    /// It gets a connection or an end of a socket pair, or may get one.
    gets_any: bool,
    /// `None` where the program cannot find the memory, and need not know of it.
    pub ticket: Option<Ticket>,
}

impl Ledger {
    /// Another program is about to be executed, with what is open and not close-on-exec. `None` where
    /// nothing is shared, and where no token is left: then all that the program gets is marked. If this process is
    /// not `is_alone`, another thread may send a message with a connection before the program runs.
    #[inline(never)]
    pub fn begin_execution(&self, executor: Executor, is_alone: bool) -> Option<Execution> {
        let me = self.me()?;
        let is_owner = self.owner().is_some();
        let is_new = executor == Executor::Child || !is_owner;
        let Some(holder) = (if is_new { self.register_program(executor) } else { Some(me) }) else {
            self.hand_on_kept();
            return None;
        };
        // What is kept is gone through once: it takes a system call for each number.
        let (hides, is_shared) = (Cell::new(!is_alone), Cell::new(is_new));
        let note = |slot| {
            hides.set(hides.get() || self.descriptions().may_be_hidden(slot));
            is_shared.set(is_shared.get() || self.is_shared(slot, me));
        };
        let gets_any = if is_new {
            self.each_kept(|slot| {
                note(slot);
                self.descriptions().with(slot, |slot| slot.hold_in_transit(holder));
            })
        } else {
            self.begin_replacing(me, note)
        };
        // The program has to say as well that `exec` has closed a descriptor.
        let is_concerned = gets_any || is_new || self.table.find(0, |_, _| true).is_some();
        let hides = gets_any && (hides.get() || self.hides_any());
        let is_shared = gets_any && is_shared.get();
        let ticket = if is_concerned { self.ticket(holder, executor, hides, is_shared) } else { None };
        let execution = Execution { holder, is_new, gets_any, ticket };
        if executor == Executor::Caller { self.needed(execution) } else { Some(execution) }
    }

    /// The program of this process is about to be replaced. Answers whether the next one gets anything.
    fn begin_replacing(&self, me: Token, note: impl Fn(SlotId)) -> bool {
        // From here on other threads that make a descriptor ask whether a program gets it.
        self.processes.creations.enter(Child::Executes, Return::Seen);
        self.processes.replacing.fetch_add(1, SeqCst);
        self.family().set_unfollowed(me);
        self.each_kept(|slot| {
            note(slot);
            self.descriptions().with(slot, |slot| slot.begin_transit(me));
        })
    }

    /// Keeps a new token only where the program gets anything; else there is nothing to count.
    pub fn needed(&self, execution: Execution) -> Option<Execution> {
        let is_needed = execution.gets_any || !execution.is_new;
        if !is_needed {
            self.family().remove(execution.holder);
        }
        is_needed.then_some(execution)
    }

    fn register_program(&self, executor: Executor) -> Option<Token> {
        // This is a child that no hook has seen, and its parent knows it by another pid.
        if self.owner().is_none() && process::is_parent_outside() {
            return None;
        }
        let holder = self.family().register(self.here(), clock::seconds_since_boot())?;
        // It exists also where nobody ever learns its pid.
        self.family().set_exists(holder);
        self.family().set_unfollowed(holder);
        if executor == Executor::Caller {
            self.family().set_pid(holder, process::pid()?, self.here());
        }
        Some(holder)
    }

    /// `None` where the memory cannot be found and says nothing that a look does not.
    fn ticket(&self, holder: Token, executor: Executor, hides: bool, is_shared: bool) -> Option<Ticket> {
        let id = self.memory.id().and_then(|id| u64::try_from(id).ok());
        Some(Ticket {
            id: id.or(hides.then_some(Ticket::NO_SEGMENT))?,
            len: self.memory.len() as u64,
            founded: self.family().founded() ^ LAYOUT,
            token: holder.raw().into(),
            namespace: self.here().0,
            writer: process::pid()?.as_raw_nonzero().get() as u64,
            is_for_child: executor == Executor::Child,
            hides,
            is_shared,
        })
    }

    /// Whether any connection may have holders that no look finds, whichever it is.
    fn hides_any(&self) -> bool {
        self.is_blind() || self.family().has_handed_on_uncounted()
    }

    fn is_shared(&self, slot: SlotId, me: Token) -> bool {
        self.descriptions().holders(slot).any(|other| other != me && self.is_alive(other))
    }

    /// The program gets `fd` as well, whatever `fd` is: `posix_spawn_file_actions_adddup2`.
    pub fn give(&self, execution: &mut Execution, fd: Fd) {
        match if socket::may_connect(fd) { self.slot_now(fd) } else { None } {
            Some(slot) => {
                let hides =
                    execution.ticket.is_some_and(|ticket| ticket.hides) || self.descriptions().may_be_hidden(slot);
                execution.gets_any = true;
                execution.ticket = self.ticket(execution.holder, Executor::Child, hides, true);
                self.descriptions().with(slot, |slot| slot.hold_in_transit(execution.holder));
            }
            None => self.hand_on(fd),
        }
    }

    /// The program does not run: the call has failed.
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

    /// The calling thread waits for it no longer. True where it would have replaced the program of this
    /// process, and no other thread is trying the same.
    pub fn leave_execution(&self, execution: Execution) -> bool {
        if execution.is_new {
            return false;
        }
        self.processes.creations.leave(Child::Executes);
        self.processes.replacing.fetch_sub(1, SeqCst) == 1
    }

    /// The process that was made for the program has this pid.
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
    /// As [`Ledger::begin_execution`] by the calling process, unless the call `will_fail`.
    pub fn before_exec(self, is_alone: bool, will_fail: impl Fn() -> bool) -> Option<Execution> {
        self.0.limit.keep();
        if self.shares() && !will_fail() { self.0.begin_execution(Executor::Caller, is_alone) } else { None }
    }
}
