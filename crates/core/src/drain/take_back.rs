//! A reserved place is given back, and offers are taken back that no drainer will adopt.
//!
//! Context: any hook; async-signal-safe and lock-free.

use super::Drain;
use super::table::place::Place;
use crate::bounds::End;
use crate::sys::Fd;

impl Drain {
    /// Closes the private descriptor of a place, if it still is that socket, and frees the place.
    pub(super) fn give_back(&self, place: Place) {
        if let Some(held) = self.sockets.at(place) {
            held.fd().into_iter().for_each(|fd| self.ledger.ended(fd));
            held.verified().into_iter().for_each(Fd::close);
            held.forget();
        }
        self.sockets.free(place);
        self.drainer.gate.one_less();
    }

    /// Ends all that was offered, and does all deferred shutdowns: no thread will.
    #[inline(never)]
    pub(super) fn take_back(&'static self) {
        self.apply_due(true);
        self.sockets.take_offers(|place, held| {
            self.report_end(place, held, held.verified(), End::Evicted);
            self.give_back(place);
        });
    }
}
