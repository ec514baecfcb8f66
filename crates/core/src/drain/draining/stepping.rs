//! One step of one socket: what has come in is discarded, unless a thread of the program may want it.

use super::beginning::use_room;
use super::ending::{end_by_fin, end_drain};
use super::planning::wait_for;
use super::worker::Worker;
use crate::bounds::End;
use crate::discard::Step;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::poller::Poller;
use crate::sys::{Fd, socket};

/// Handles an event that the epoll set has reported with this ticket.
pub(super) fn handle_event(worker: &mut Worker, set: Poller, ticket: u64) {
    let Some(place) = worker.drain.sockets.place(ticket as u32) else { return };
    let Some(held) = worker.at(place) else { return };
    // The hook watches before it offers: an event may come before the adoption.
    if held.ticket(place) != ticket || !held.is_adopted() {
        return;
    }
    let Some(fd) = held.verified() else { return end_drain(worker, place, End::Lost) };
    use_room(worker, place, held, fd);
    let before = worker.discarded;
    if step_unless_read(worker, place, held, fd) {
        // An event with nothing to read: news in the error queue, which is reported as long as it
        // is there.
        if worker.discarded == before {
            socket::discard_news(fd);
        }
        let _ = set.rearm(fd, ticket, held.interest());
    }
}

/// Steps all sockets, without an event.
pub(super) fn step_all(worker: &mut Worker) {
    let mut next = worker.by_age.first();
    while let Some(place) = next {
        next = worker.after_by_age(place);
        let Some(held) = worker.at(place) else { break };
        match held.verified() {
            Some(fd) => {
                use_room(worker, place, held, fd);
                step_unless_read(worker, place, held, fd);
            }
            None => end_drain(worker, place, End::Lost),
        }
    }
}

/// Steps the socket, unless a thread of the program may want what is queued. Answers whether its
/// events are of interest: the drain goes on, and nothing is left queued.
pub(super) fn step_unless_read(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Fd) -> bool {
    if !held.expects_reader(fd) {
        return step(worker, place, held, fd);
    }
    let is_left = socket::unread(fd) != 0;
    if is_left && !held.set(Flag::InputLeft) {
        // A reader that waits for more than there is wakes, and takes that.
        socket::report_every_byte(fd);
        held.begin_to_watch_readers(fd, worker.looks());
        worker.note_activity(place);
        wait_for(worker, place, held);
    }
    !is_left
}

/// Steps the socket as its strategy does, and ends the drain where it is over. Answers whether it
/// goes on. If not, the place may be another socket's by now, on the same number.
pub(super) fn step(worker: &mut Worker, place: Place, held: &HeldSocket, fd: Fd) -> bool {
    let (bytes, end) = match held.close_strategy().step(fd) {
        Step::More(bytes) => (bytes, None),
        Step::End(bytes, end) => (bytes, Some(end)),
    };
    let mut progress = held.progress();
    progress.discarded += bytes;
    worker.discarded += bytes;
    if bytes != 0 {
        progress.last = Millis::now();
        worker.note_activity(place);
    }
    held.set_progress(progress);
    let end = end.or_else(|| worker.bounds(held).exceeded(progress, Millis::now()));
    match end {
        Some(End::Fin) => end_by_fin(worker, place, held, fd),
        Some(end) => end_drain(worker, place, end),
        None => {}
    }
    end.is_none()
}
