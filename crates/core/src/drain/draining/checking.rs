//! Sockets of which a thread of the program may still make use are checked again: where there is no
//! such thread any more, the close begins, and what is queued is discarded.

use super::ending::end_drain;
use super::planning::{is_look_out, plan_check, wait_no_more};
use super::stepping::step;
use super::worker::Worker;
use crate::bounds::End;
use crate::drain::callers::Callers;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::Fd;
use crate::sys::clock::Millis;

/// Checks all that wait, where there is news: a look, or the time has come.
pub(super) fn check_all(worker: &mut Worker) {
    let is_out = is_look_out(worker);
    let looks = if is_out { None } else { worker.looks() };
    let is_new = looks.is_some_and(|looks| looks.latest() != worker.waiting.used_look);
    let is_due = worker.waiting.check_at.map_or(is_out, |at| at.since(Millis::now()) == 0);
    // While a look is out, what the last one has told is being overwritten.
    let may = !is_out || worker.waiting.is_look_lost();
    if !may || !(is_new || is_due) || worker.waiting.queue.first().is_none() {
        return;
    }
    worker.waiting.used_look = looks.map_or(worker.waiting.used_look, ThreadLooks::latest);
    (worker.waiting.look_at, worker.waiting.check_at) = (None, None);
    let mut next = worker.waiting.queue.first();
    while let Some(place) = next {
        next = worker.waiting.queue.after(&worker.drain.sockets, place);
        if let Some(held) = worker.at(place) {
            check(worker, place, held, looks);
        }
    }
    worker.waiting.note_checked();
}

fn check(worker: &mut Worker, place: Place, held: &HeldSocket, looks: Option<&ThreadLooks>) {
    let Some(fd) = held.verified() else { return end_drain(worker, place, End::Lost) };
    let writers = if held.waits_for_writers() { held.writers(fd, looks) } else { Callers::None };
    if writers == Callers::None && held.waits_for_writers() {
        held.begin_close(fd);
    }
    let readers =
        if held.has(Flag::InputLeft) { examine_readers(worker, place, held, fd, looks) } else { Callers::None };
    if !(plan_check(worker, writers) | plan_check(worker, readers)) {
        wait_no_more(worker, place, held);
    }
    let waits_for_room = writers == Callers::Room && !held.set(Flag::WaitsForRoom);
    let is_free = is_free_of_readers(held, readers);
    let goes_on = !is_free || readers == Callers::HaveRead || step(worker, place, held, fd);
    if goes_on && (is_free || waits_for_room) && !held.has(Flag::InputLeft) {
        worker.watch(place, held, fd);
    }
}

/// Which threads may still read. A reader that takes something counts as a sign of life.
fn examine_readers(
    worker: &mut Worker,
    place: Place,
    held: &HeldSocket,
    fd: Fd,
    looks: Option<&ThreadLooks>,
) -> Callers {
    let before = held.progress().last;
    let readers = held.readers(fd, looks);
    if held.progress().last != before {
        worker.note_activity(place);
    }
    readers
}

/// Whether input was left to a reader until now, and is not any more.
fn is_free_of_readers(held: &HeldSocket, readers: Callers) -> bool {
    let is_free = matches!(readers, Callers::None | Callers::HaveRead) && held.clear(Flag::InputLeft);
    if is_free && readers == Callers::None {
        held.clear(Flag::ReaderExpected);
    }
    is_free
}
