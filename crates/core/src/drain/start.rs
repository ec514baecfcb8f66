//! A hook starts the drainer.
//!
//! Context: any hook, with signals held back; async-signal-safe and lock-free.

use super::private_numbers::low_number_of_set;
use super::take_back::take_back_offers;
use super::{Drain, draining};
use crate::decision::Reason;
use crate::sys::poller::Poller;

/// Starts the drainer. Where that fails, offers that other hooks have made meanwhile are taken back.
///
/// # Errors
/// The reason to leave the program's call alone.
#[inline(never)]
pub(super) fn start(drain: &'static Drain) -> Result<(), Reason> {
    let started = try_start(drain);
    match started {
        Ok(()) => drain.drainer.gate.started(),
        Err(_) => {
            drain.drainer.gate.not_started();
            take_back_offers(drain);
        }
    }
    started
}

fn try_start(drain: &'static Drain) -> Result<(), Reason> {
    // Once more, now that a hook which dismisses the threads can see that this one starts.
    if drain.demands.dismissals.is_any() {
        return Err(Reason::NoThread);
    }
    let set = create_set(drain)?;
    drain.drainer.set.put(set);
    drain.drainer.threads.spawn(draining::run, drain, drain.context.processors).map_err(|_| {
        set.fd().close();
        drain.drainer.set.unset();
        Reason::NoThread
    })
}

fn create_set(drain: &Drain) -> Result<Poller, Reason> {
    let low = low_number_of_set(drain.ledger.has_forked());
    let create = |highest| Poller::create_from(low.min(highest), highest);
    let behind_all = drain.numbers.room() as usize;
    drain.numbers.make(&drain.ledger.limit, behind_all, create).map_err(|_| Reason::Full)
}
