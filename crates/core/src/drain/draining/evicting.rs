//! Sockets are given up before their time: more are held than may be, the program needs descriptors
//! or a local port, or there must be no thread of ours.

use super::adopting::adopt;
use super::ending::end_drain;
use super::worker::Worker;
use crate::bounds::End;
use crate::drain::ports::is_in_the_way;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::socket;
use core::sync::atomic::Ordering::SeqCst;

/// Ends sockets until no more are held than may be: first those whose peer has acknowledged
/// everything and is silent, then the oldest.
pub(super) fn evict(worker: &mut Worker) {
    let most = may_be_held(worker);
    if worker.drain.held_sockets() > most {
        end_acknowledged(worker, worker.by_activity.first(), most, |worker, place| {
            worker.by_activity.after(&worker.drain.sockets, place)
        });
        // Only sockets whose strategy reads are in the first queue.
        end_acknowledged(worker, worker.by_age.first(), most, Worker::after_by_age);
    }
    while worker.drain.held_sockets() > most {
        let Some(place) = worker.by_age.first() else { return };
        end_drain(worker, place, End::Evicted);
    }
}

/// How many sockets may be held now.
fn may_be_held(worker: &Worker) -> u32 {
    let cap = worker.drain.numbers.cap();
    let is_pressed = worker.drain.demands.pressed.swap(false, SeqCst);
    match (worker.drain.demands.dismissals.is_any(), is_pressed) {
        (true, _) => 0,
        (false, true) => cap.min(worker.drain.held_sockets() / 2),
        (false, false) => cap,
    }
}

/// Ends the sockets of one order whose peer has acknowledged everything and is silent, until
/// `most` are held. Where the order begins with many others, only its beginning is looked at.
fn end_acknowledged(worker: &mut Worker, first: Option<Place>, most: u32, after: fn(&Worker, Place) -> Option<Place>) {
    const OTHERS: u32 = 32;
    let (mut next, mut others) = (first, 0);
    while worker.drain.held_sockets() > most
        && others < OTHERS
        && let Some(place) = next
    {
        next = after(worker, place);
        let fd = worker.at(place).and_then(HeldSocket::fd);
        if fd.is_some_and(|fd| socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0) {
            end_drain(worker, place, End::Evicted);
        } else {
            others += 1;
        }
    }
}

/// Resets the sockets that keep a port busy for which a hook waits.
pub(super) fn free_port(worker: &mut Worker) {
    let wanted = &worker.drain.demands.wanted_port;
    let Some(request) = wanted.get() else { return };
    // Offers from before the request count.
    adopt(worker);
    let mut next = worker.by_age.first();
    while let Some(place) = next {
        next = worker.after_by_age(place);
        let Some(held) = worker.at(place) else { break };
        if let Some(fd) = held.verified().filter(|&fd| is_in_the_way(held, fd, request.port())) {
            let _ = socket::set_linger(fd, 0);
            end_drain(worker, place, End::Evicted);
        }
    }
    wanted.done(request);
    worker.drain.drainer.ended.notify();
}
