//! A reserved place is given back, and offers are taken back that no drainer will adopt.
//!
//! Context: any hook; async-signal-safe and lock-free.

use super::Drain;
use super::due_shutdowns;
use super::table::place::Place;
use crate::bounds::End;
use crate::sys::Fd;

/// Closes the private descriptor of a place, if it still is that socket, and frees the place.
pub(super) fn give_back(drain: &Drain, place: Place) {
    if let Some(held) = drain.sockets.at(place) {
        held.fd().into_iter().for_each(|fd| drain.ledger.ended(fd));
        held.verified().into_iter().for_each(Fd::close);
        held.forget();
    }
    drain.sockets.free(place);
    drain.drainer.gate.one_less();
}

/// Ends all that was offered, and does all deferred shutdowns: no drainer will.
#[inline(never)]
pub(super) fn take_back_offers(drain: &Drain) {
    due_shutdowns::apply(drain, true);
    drain.sockets.take_offers(|place, held| {
        drain.report_end(place, held, held.verified(), End::Evicted);
        give_back(drain, place);
    });
}
