//! How a hook wakes the drainer.
//!
//! The drainer sleeps on one of three things: on an event count between two turns, on another one
//! while nothing is held, or in its epoll set. No event count ends a sleep in an epoll set: so a
//! hook asks for an event of a socket in the set that is there at once, room to write.
//!
//! Context: any hook; async-signal-safe.

use super::Drain;
use super::table::flags::Flag;
use super::table::held_socket::HeldSocket;

/// Wakes the drainer, whatever it sleeps on.
pub(super) fn wake(drain: &Drain) {
    /// How many sockets are tried. The drainer sleeps for half a second at most.
    const FEW: usize = 256;
    drain.drainer.wakeup.notify();
    drain.drainer.first_offer.notify();
    if let Some(set) = drain.drainer.set.get() {
        let nudge = |(place, held): (_, &HeldSocket)| {
            let fd = held.fd().filter(|_| !held.has(Flag::WaitsForRoom));
            fd.is_some_and(|fd| set.nudge(fd, held.ticket(place), held.interest()).is_ok())
        };
        let sentinel = drain.drainer.set.sentinel();
        let first = sentinel.and_then(|place| Some((place, drain.sockets.at(place)?)));
        let _ = first.into_iter().chain(drain.sockets.handed_over().take(FEW)).any(nudge);
    }
}

/// Has the drainer adopt the offers now, and not when it has rested.
pub(super) fn hurry(drain: &Drain) {
    if drain.drainer.set.is_slept_in() {
        wake(drain);
    } else {
        // It looks for offers once more before it sleeps in its set.
        drain.drainer.wakeup.notify();
    }
}
