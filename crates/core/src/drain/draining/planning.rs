//! When the drainer has to learn more about threads of the program that may still use a socket.
//!
//! Such sockets wait in a queue. The drainer asks for a look, which serves all of them, or waits until
//! some time has passed; then [`super::checking`] goes through the queue.

use super::worker::{TICK_MS, Worker};
use crate::drain::callers::Callers;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::drain::looking::asking::ask_for_a_look;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;

fn sooner(at: &mut Option<Millis>, other: Millis) {
    *at = Some(at.filter(|at| other.since(*at) != 0).unwrap_or(other));
}

/// Whether a look is asked for and not over, and a socket waits for it.
pub(super) fn is_look_out(worker: &Worker) -> bool {
    worker.waiting.queue.first().is_some() && worker.looks().is_some_and(ThreadLooks::is_out)
}

/// A thread of the program may still use the socket: a look will tell.
pub(super) fn wait_for(worker: &mut Worker, place: Place, held: &HeldSocket) {
    if !held.set(Flag::Waiting) {
        worker.waiting.queue.push(&worker.drain.sockets, place);
        worker.waiting.count += 1;
    }
    plan_check(worker, Callers::LookNow);
}

/// The socket does not wait any more.
pub(super) fn wait_no_more(worker: &mut Worker, place: Place, held: &HeldSocket) {
    if held.clear(Flag::Waiting) {
        worker.waiting.queue.remove(&worker.drain.sockets, place);
        worker.waiting.count -= 1;
    }
}

/// Plans when to check a socket again of which this much is known. Answers whether it has to wait.
pub(super) fn plan_check(worker: &mut Worker, callers: Callers) -> bool {
    let now = Millis::now();
    let may_look = worker
        .looks()
        .is_some_and(|looks| looks.pause_left(now) == 0 && !(looks.is_out() && worker.waiting.is_look_lost()));
    match callers {
        Callers::LookNow if may_look => sooner(&mut worker.waiting.look_at, now),
        Callers::LookLater if may_look => sooner(&mut worker.waiting.look_at, now.plus(TICK_MS)),
        Callers::LookNow | Callers::LookLater | Callers::Time => {
            let check_ms = TICK_MS.max(worker.waiting.check_ms());
            sooner(&mut worker.waiting.check_at, now.plus(check_ms));
        }
        Callers::None | Callers::Room | Callers::HaveRead => return false,
    }
    true
}

/// Milliseconds until something can be known of a socket that waits.
pub(super) fn check_comes_in(worker: &Worker, now: Millis) -> Option<u32> {
    worker.waiting.queue.first()?;
    let check = worker.waiting.check_at.map(|at| at.since(now));
    check.into_iter().chain(look_comes_in(worker, now)).min()
}

/// Milliseconds until the next look is to be asked for.
fn look_comes_in(worker: &Worker, now: Millis) -> Option<u32> {
    let pause = worker.looks().map_or(0, |looks| looks.pause_left(now));
    let rest = pause.max(worker.waiting.no_look_before.since(now));
    worker.waiting.look_at.map(|at| at.since(now).max(rest))
}

/// Asks for a look when it is due; again, as long as one is out.
pub(super) fn ask_when_due(worker: &mut Worker) {
    let Some(looks) = worker.looks().filter(|_| worker.waiting.queue.first().is_some()) else { return };
    let was_out = looks.is_out();
    if was_out || look_comes_in(worker, Millis::now()) == Some(0) {
        ask_for_a_look(worker.drain);
    }
    if !was_out && looks.is_out() {
        worker.waiting.asked_at = Millis::now();
    }
}
