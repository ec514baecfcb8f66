//! The close of one socket begins, where that was left to the drainer: a thread of the program may
//! have been inside a write, or the strategy postpones it.

use super::planning::wait_for;
use super::worker::Worker;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

/// Begins the close, or waits until no thread is inside a write.
pub(super) fn begin_close(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Fd) {
    if held.has(Flag::WriterExpected) {
        held.begin_to_watch_writers(fd, worker.looks());
        wait_for(worker, place, held);
    } else {
        held.begin_close(fd);
    }
}

/// There may be room for a writer that was blocked, which goes on then.
pub(super) fn use_room(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Fd) {
    if held.has(Flag::WaitsForRoom) && socket::is_writable(fd) {
        held.clear(Flag::WaitsForRoom);
        begin_close(worker, place, held, fd);
    }
}

/// Milliseconds until the first close that is postponed has to begin.
pub(super) fn begins_in(worker: &Worker, now: Millis) -> Option<u32> {
    let held = worker.at(worker.postponed.first()?)?;
    let age = now.since(held.progress().begun);
    Some(held.close_strategy().patience_ms(worker.drain.context.settings).saturating_sub(age))
}

/// Begins the closes that were postponed until now.
pub(super) fn begin_postponed(worker: &mut Worker) {
    let now = Millis::now();
    while begins_in(worker, now) == Some(0)
        && let Some(place) = worker.postponed.first()
        && let Some(held) = worker.at(place)
    {
        worker.postponed.remove(&worker.drain.sockets, place);
        held.clear(Flag::Postponed);
        if let Some(fd) = held.verified() {
            begin_close(worker, place, held, fd);
        }
    }
}
