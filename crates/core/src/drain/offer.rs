//! A hook hands a place to the drainer.
//!
//! A drain is in no hurry, so mostly the drainer is not woken. A drainer that is awake, or rests
//! between two turns, finds the offer soon. For one that sleeps in its epoll set, the hook puts the
//! socket into that set itself, and the peer's FIN wakes it.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use super::Drain;
use super::table::flags::Flag;
use super::table::held_socket::HeldSocket;
use super::table::place::Place;
use super::take_back::take_back_offers;
use super::wake::{hurry, wake};
use crate::sys::Fd;
use crate::sys::clock::Millis;

/// Hands over a place whose close has begun, or is left to the drainer: then the drainer is
/// told in time.
pub(super) fn hand_to_drainer(drain: &Drain, place: Place, held: &HeldSocket) {
    let begins_later = held.has(Flag::BeginsLater);
    let postponed_ms = held.close_strategy().patience_ms(drain.context.settings);
    let expects_writer = held.has(Flag::WriterExpected);
    if let Some(fd) = held.fd() {
        offer(drain, place, held, fd);
    }
    // From here on the place may be another socket's.
    if begins_later && postponed_ms == 0 && expects_writer {
        hurry(drain);
    } else if begins_later && postponed_ms != 0 && drain.drainer.set.oversleeps(Millis::now().plus(postponed_ms)) {
        wake(drain);
    }
}

fn offer(drain: &Drain, place: Place, held: &HeldSocket, fd: Fd) {
    let drainer = &drain.drainer;
    // Before the offer, after which the drainer may end the socket at any time.
    let is_crowded = drain.held_sockets() > drain.numbers.cap();
    let sleeps = drainer.set.is_slept_in();
    if sleeps {
        watch_offered(drain, place, held, fd, is_crowded);
    }
    drain.sockets.offer(place);
    if drainer.gate.is_idle() {
        return take_back_offers(drain);
    }
    drainer.first_offer.notify();
    if !sleeps && drainer.set.is_slept_in() {
        // It may have looked for offers before this one came.
        wake(drain);
    }
    if is_crowded {
        drainer.wakeup.notify();
    }
}

/// Puts the socket into the set in which the drainer sleeps; `wake` asks for an event at once.
fn watch_offered(drain: &Drain, place: Place, held: &HeldSocket, fd: Fd, wake: bool) {
    if let Some(set) = drain.drainer.set.get() {
        held.set(Flag::Watched);
        let _ = set.add(fd, held.ticket(place), held.close_strategy().interest(), wake);
    }
}
