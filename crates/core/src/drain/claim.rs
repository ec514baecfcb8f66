//! A hook counts one more socket, and claims a place in the table.
//!
//! Context: any hook; async-signal-safe and lock-free. A hook does not wait: where it gets no place
//! or no thread, the program's call is left alone, for a reason that is counted.

use super::Drain;
use super::table::place::{self, Place};
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::sys::signals::{self, Mask};

/// What a hook needs a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimant {
    /// For a socket that the drainer drains.
    Socket,
    /// For a socket that the hook drains itself: the inline engine, which needs no thread.
    Inline,
    /// For a deferred shutdown, which needs the drainer and no place in the table.
    DeferredShutdown,
}

impl Drain {
    /// Counts one more socket, starts the drainer where one is needed and there is none, and claims
    /// a place.
    ///
    /// # Errors
    /// The reason to leave the close alone.
    pub(super) fn claim_place(&'static self, owner: Owner<'_>, claimant: Claimant) -> Result<Place, Reason> {
        self.enter(owner, claimant)?;
        self.sockets.claim().ok_or(Reason::Full).inspect_err(|_| self.drainer.gate.one_less())
    }

    /// Counts one more socket or deferred shutdown, and starts the drainer where one is needed and
    /// there is none.
    ///
    /// # Errors
    /// The reason to leave the call alone.
    pub(super) fn enter(&'static self, _owner: Owner<'_>, claimant: Claimant) -> Result<(), Reason> {
        let needs_thread = claimant != Claimant::Inline;
        let gate = &self.drainer.gate;
        // A signal handler that jumps out of the start would leave the gate at "starting" for ever.
        let signals = if needs_thread && gate.is_idle() { signals::hold() } else { None };
        let entered = gate.enter(needs_thread, |idle, held| self.admit(claimant, idle, held));
        let entered = entered.and_then(|starts| if starts { self.start() } else { Ok(()) });
        signals.into_iter().for_each(Mask::let_in);
        entered
    }

    /// Whether one more may be held; `idle`: there is no thread, `held`: so many are held.
    fn admit(&self, claimant: Claimant, idle: bool, held: u32) -> Result<(), Reason> {
        if self.demands.dismissals.is_any() {
            return Err(Reason::NoThread);
        }
        if idle {
            // Before other hooks can see that the thread starts: they claim from then on.
            self.prepare_table()?;
        }
        let is_full = match claimant {
            Claimant::Socket | Claimant::Inline => {
                held.saturating_sub(self.demands.deferred.count()) >= self.numbers.room()
            }
            Claimant::DeferredShutdown => self.numbers.room() == 0,
        };
        if is_full {
            self.drainer.wakeup.notify();
            return Err(Reason::Full);
        }
        Ok(())
    }

    fn prepare_table(&self) -> Result<(), Reason> {
        if !self.sockets.ensure(place::MOST as usize) {
            return Err(Reason::Full);
        }
        if self.context.log.is_talkative() {
            self.sockets.ensure_notes(place::MOST as usize);
        }
        self.measure_numbers();
        Ok(())
    }
}
