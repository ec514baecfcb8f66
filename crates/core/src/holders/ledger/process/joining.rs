//! A process joins its family: it gets the family memory, and a token in it.
//!
//! That is done at the first connection of the process, not at its start: a program without TCP
//! sockets maps nothing.
//!
//! Context: hooks of any kind. Of several threads that join at once, one token is kept.

use crate::holders::ledger::memory::family_memory::slots_for;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::Ledger;
use crate::sys::shared::Reach;
use crate::sys::{clock, process, procfs};
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// The token of this process, which joins the family if it has not done so before. `None`
    /// where there is no memory, or no token.
    pub(in crate::holders::ledger) fn join(&self) -> Option<Token> {
        if let Some(me) = self.me() {
            return Some(me);
        }
        self.prepare_memory()?;
        let token = self.family().register(self.here(), 0)?;
        self.family().set_pid(token, process::pid()?, self.here());
        let raced = self.identity.token.compare_exchange(0, token.raw(), SeqCst, SeqCst);
        if raced.is_err() {
            self.family().remove(token);
        }
        self.me()
    }

    fn prepare_memory(&self) -> Option<()> {
        if !(self.ensure_tables() && self.ensure_memory(self.capacity.load(SeqCst) as usize)) {
            return None;
        }
        if let Some(head) = self.memory.head() {
            self.own_channels.move_to(&head.channels);
        }
        if self.options.load(SeqCst) {
            self.family().set_options();
        }
        self.family().set_founded(clock::nanoseconds_since_boot());
        Some(())
    }

    /// Maps the tables of this process, for as many numbers as the ledger keeps track of. False where there is
    /// no memory.
    pub(super) fn ensure_tables(&self) -> bool {
        let capacity = self.capacity.load(SeqCst) as usize;
        self.table.ensure(capacity) && self.sets.ensure(capacity)
    }

    fn ensure_memory(&self, capacity: usize) -> bool {
        let has_one = self.memory.head().is_some();
        let reach = if has_one || !may_make_segments() { Reach::Forks } else { Reach::Programs };
        self.memory.ensure(slots_for(capacity), reach)
    }
}

/// Whether no seccomp filter can kill the process for the System V calls that make a segment. The
/// filter of a container answers an error. In the outermost pid namespace a filter may be a
/// service's own, and kill.
#[inline(never)]
fn may_make_segments() -> bool {
    !procfs::may_be_filtered(c"thread-self/status") || procfs::is_in_inner_namespace()
}
