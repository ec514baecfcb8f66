//! The drainer's thread: it adopts what was offered, discards what has come in, ends what is over,
//! and leaves when nothing has been held for a second.
//!
//! A drain is in no hurry; the program's threads are. So the drainer mostly is not woken for an offer:
//! it steps all sockets that are ready, and then rests for some milliseconds. With none ready it
//! sleeps in its epoll set until the next bound; with nothing held it waits for an offer, and leaves.
//!
//! | file | one idea |
//! |---|---|
//! | [`adopting`] | an offered socket comes into the queues and the epoll set |
//! | [`sleeping`] | the drainer sleeps in its set, and takes the events |
//! | [`checking`] | sockets of which a thread of the program may still make use are checked again |
//! | [`stepping`] | one socket: what has come in is discarded |
//! | [`beginning`] | one socket: the close begins, where that was left to the drainer |
//! | [`evicting`] | sockets are given up before their time |
//! | [`expiring`] | sockets are ended by time |
//! | [`ending`] | one socket: its drain ends |
//! | [`planning`] | when the drainer has to learn more about threads of the program |
//! | [`worker`] | what the thread keeps to itself |
//! | [`waiting`] | the sockets of which a thread of the program may still make use |
//!
//! Context: a bare kernel thread ([`crate::sys::thread`]). No thread-local storage, no libc, no
//! allocation, no panic; and it never opens a descriptor on a low number.

pub mod adopting;
pub mod beginning;
pub mod checking;
pub mod ending;
pub mod evicting;
pub mod expiring;
pub mod planning;
pub mod sleeping;
pub mod stepping;
pub mod waiting;
pub mod worker;

use super::Drain;
use super::lingering::end_lingering;
use crate::sys::clock::Millis;
use adopting::adopt;
use beginning::begin_postponed;
use checking::check_all;
use evicting::{evict, free_port};
use expiring::expire;
use planning::{ask_when_due, is_look_out};
use sleeping::take_events;
use stepping::step_all;
use worker::{TICK_MS, Worker};

/// With so many bytes discarded in a turn the drainer does not rest: a queue that fills meanwhile is
/// no longer in the processor's caches when it is discarded.
const BUSY_BYTES: u64 = 256 << 10;
/// How long the thread stays with nothing held, in milliseconds.
const STAY_MS: u32 = 1000;

/// The body of the thread.
pub extern "C" fn run(drain: &'static Drain) {
    let Some(set) = drain.drainer.set.number() else { return };
    let mut worker = Worker::new(drain, set);
    let end = &drain.demands.process_end;
    while !end.is_yielding() && turn(&mut worker) {}
    if end.is_yielding() {
        end.has_yielded();
        drain.drainer.ended.notify();
    }
}

/// One turn; false when the thread has to leave.
fn turn(worker: &mut Worker) -> bool {
    let seen = worker.drain.drainer.wakeup.count();
    if worker.drain.held() == 0 {
        return wait_for_offer(worker);
    }
    worker.discarded = 0;
    end_lingering(worker.drain);
    let mut busy = adopt(worker);
    begin_postponed(worker);
    check_all(worker);
    let Some(set) = worker.own_set() else { return turn_without_set(worker) };
    busy |= take_events(worker, set, busy || is_look_out(worker));
    meet_demands(worker);
    // The looker cannot wake us from our set.
    if (busy || is_look_out(worker)) && worker.discarded < BUSY_BYTES {
        worker.drain.drainer.wakeup.sleep(seen, TICK_MS);
    }
    true
}

/// What is done in every turn, whatever has come.
fn meet_demands(worker: &mut Worker) {
    expire(worker);
    evict(worker);
    free_port(worker);
    apply_due(worker);
    ask_when_due(worker);
}

fn apply_due(worker: &Worker) {
    let demands = &worker.drain.demands;
    let at_once = demands.process_end.is_exiting() || demands.dismissals.is_any();
    worker.drain.apply_due(at_once);
}

/// With nothing held, waits for an offer. False where none has come, and the thread leaves.
fn wait_for_offer(worker: &Worker) -> bool {
    let first_offer = &worker.drain.drainer.first_offer;
    let seen = first_offer.count();
    let idle_ms = Millis::now().since(worker.idle_since);
    let is_dismissed = worker.drain.demands.dismissals.is_any();
    if worker.drain.held() == 0 && idle_ms < STAY_MS && !is_dismissed {
        first_offer.sleep(seen, STAY_MS - idle_ms);
        return true;
    }
    let leaves = leave(worker);
    if leaves && let Some(set) = worker.own_set() {
        set.fd().close();
    }
    !leaves
}

/// Closes the gate, unless something is held. Answers whether the thread has to leave.
fn leave(worker: &Worker) -> bool {
    let leaves = worker.drain.drainer.gate.leave();
    if leaves {
        worker.drain.looker.notify();
    }
    leaves
}

/// The program has closed our epoll set, of which it does not know. What is held is stepped in
/// turn until it has ended; then the thread leaves, and the next close starts another one.
fn turn_without_set(worker: &mut Worker) -> bool {
    step_all(worker);
    meet_demands(worker);
    if worker.drain.held() == 0 && leave(worker) {
        return false;
    }
    // To step all of them must not take all of the processor.
    let rest_ms = TICK_MS.max(worker.drain.held() / 8);
    worker.drain.drainer.wakeup.sleep(worker.drain.drainer.wakeup.count(), rest_ms);
    true
}
