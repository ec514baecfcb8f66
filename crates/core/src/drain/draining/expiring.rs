//! Sockets are ended by time: by their bounds, or because the process ends.

use super::ending::end_drain;
use super::worker::{EXIT_TICK_MS, Worker};
use crate::bounds::End;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::quiet::is_quiet;
use crate::sys::clock::Millis;

/// Ends the sockets whose time is over. Only the first of each order can be the next one.
pub(super) fn expire(worker: &mut Worker) {
    let now = Millis::now();
    while let Some((place, end)) = overdue(worker, now) {
        end_drain(worker, place, end);
    }
    if worker.drain.demands.process_end.is_exiting() && worker.next_quiet_check.since(now) == 0 {
        worker.next_quiet_check = now.plus(EXIT_TICK_MS);
        end_the_quiet(worker);
    }
}

fn overdue(worker: &Worker, now: Millis) -> Option<(Place, End)> {
    [worker.by_activity.first(), worker.by_age.first()].into_iter().flatten().find_map(|place| {
        let held = worker.at(place)?;
        Some((place, worker.bounds(held).exceeded(held.progress(), now)?))
    })
}

/// Ends the sockets whose peer has acknowledged everything and is silent.
fn end_the_quiet(worker: &mut Worker) {
    let mut next = worker.by_age.first();
    while let Some(place) = next {
        next = worker.after_by_age(place);
        let fd = worker.at(place).and_then(HeldSocket::verified);
        if fd.is_none_or(is_quiet) {
            end_drain(worker, place, End::Acknowledged);
        }
    }
}
