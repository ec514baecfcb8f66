//! A hook counts one more socket, and claims a place in the table.
//!
//! Context: any hook; async-signal-safe and lock-free. A hook does not wait: where it gets no place
//! or no thread, the program's call is left alone, for a reason that is counted.

use super::Drain;
use super::start::start;
use super::table::place::{self, Place};
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::sys::signals::{self, Mask};
use core::sync::atomic::Ordering::SeqCst;

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

/// Counts one more socket, starts the drainer where one is needed and there is none, and claims
/// a place.
///
/// # Errors
/// The reason to leave the close alone.
pub(super) fn claim_place(drain: &'static Drain, owner: Owner<'_>, claimant: Claimant) -> Result<Place, Reason> {
    enter(drain, owner, claimant)?;
    drain.sockets.claim().ok_or(Reason::Full).inspect_err(|_| drain.drainer.gate.one_less())
}

/// Counts one more socket or deferred shutdown, and starts the drainer where one is needed and
/// there is none.
///
/// # Errors
/// The reason to leave the call alone.
pub(super) fn enter(drain: &'static Drain, _owner: Owner<'_>, claimant: Claimant) -> Result<(), Reason> {
    drain.claims.fetch_add(1, SeqCst);
    let needs_thread = claimant != Claimant::Inline;
    let gate = &drain.drainer.gate;
    // A signal handler that jumps out of the start would leave the gate at "starting" for ever.
    let signals = if needs_thread && gate.is_idle() { signals::hold() } else { None };
    let entered = gate.enter(needs_thread, |idle, held| admit(drain, claimant, idle, held));
    // Once more: a fork between the two would see the new number, and nothing held.
    drain.claims.fetch_add(1, SeqCst);
    let entered = entered.and_then(|starts| if starts { start(drain) } else { Ok(()) });
    signals.into_iter().for_each(Mask::let_in);
    entered
}

/// Whether one more may be held; `idle`: there is no thread, `held`: so many are held.
fn admit(drain: &Drain, claimant: Claimant, idle: bool, held: u32) -> Result<(), Reason> {
    if drain.demands.dismissals.is_any() {
        return Err(Reason::NoThread);
    }
    if idle {
        // Before other hooks can see that the thread starts: they claim from then on.
        prepare_table(drain)?;
    }
    let is_full = match claimant {
        Claimant::Socket | Claimant::Inline => {
            held.saturating_sub(drain.demands.deferred.count()) >= drain.numbers.room()
        }
        Claimant::DeferredShutdown => drain.numbers.room() == 0,
    };
    if is_full {
        drain.drainer.wakeup.notify();
        return Err(Reason::Full);
    }
    Ok(())
}

fn prepare_table(drain: &Drain) -> Result<(), Reason> {
    if !drain.sockets.ensure(place::MOST as usize) {
        return Err(Reason::Full);
    }
    if drain.context.log.is_talkative() {
        drain.sockets.ensure_notes(place::MOST as usize);
    }
    drain.measure_numbers();
    Ok(())
}
