//! The drain of one socket ends: its private number is closed, and its place is free.

use super::planning::wait_no_more;
use super::worker::Worker;
use crate::bounds::End;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

/// Ends the drain in this way. The private number is verified right before its close, whatever has
/// verified it before: what looked like an end may have been a file that the program has opened
/// there meanwhile.
///
/// A child that was made by `clone(2)` meanwhile has a copy of the private number, which it does not
/// know and never closes. So a limit ends the connection for that copy as well, unless a thread of the
/// program may be inside a call on it.
pub(super) fn end_drain(worker: &mut Worker, place: Place, end: End) {
    if let Some(held) = worker.at(place) {
        end_on(worker, place, held, held.verified(), end);
    }
}

/// Ends the drain by the peer's FIN, which has just been read from `fd`, verified right before. A file that the
/// program has opened there meanwhile would not have answered so.
pub(super) fn end_by_fin(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Fd) {
    end_on(worker, place, held, Some(fd), End::Fin);
}

fn end_on(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Option<Fd>, end: End) {
    leave_queues(worker, place, held);
    worker.drain.report_end(place, held, fd, if fd.is_none() { End::Lost } else { end });
    held.fd().into_iter().for_each(|number| worker.drain.ledger.ended(number));
    if let Some(fd) = fd {
        if end.is_limit() && !held.may_be_in_use() {
            socket::cut_off(fd);
        }
        fd.close();
    }
    worker.drain.sockets.free(place);
    worker.idle_since = Millis::now();
    worker.drain.drainer.gate.one_less();
    worker.drain.drainer.ended.notify();
}

fn leave_queues(worker: &mut Worker, place: Place, held: &HeldSocket) {
    if held.close_strategy().reads() {
        worker.by_activity.remove(&worker.drain.sockets, place);
    }
    worker.by_age.remove(&worker.drain.sockets, place);
    wait_no_more(worker, place, held);
    if held.clear(Flag::Postponed) {
        worker.postponed.remove(&worker.drain.sockets, place);
    }
}
