//! The drainer sleeps in its epoll set until something comes or is due, and takes the events.

use super::adopting::adopt;
use super::beginning::begins_in;
use super::planning::check_comes_in;
use super::stepping::handle_event;
use super::worker::{EXIT_TICK_MS, TICK_MS, Worker};
use crate::drain::table::flags::Flag;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::poller::{BATCH, Poller};

/// The longest sleep while something is held, in milliseconds: new offers have bounds too.
const LONGEST_SLEEP_MS: u32 = 500;
/// The longest sleep in milliseconds while no hook could wake the drainer.
const SHORT_SLEEP_MS: u32 = 50;

fn take(set: Poller, timeout_ms: u32, ready: &mut [u64; BATCH]) -> usize {
    set.wait(Some(timeout_ms), ready).unwrap_or(0)
}

/// Takes the events that there are, up to a limit; sleeps until there is one unless `is_busy`.
/// Answers whether there was an event or an offer.
pub(super) fn take_events(worker: &mut Worker, set: Poller, is_busy: bool) -> bool {
    const BATCHES: u32 = 32;
    let mut ready = [0; BATCH];
    let mut any = false;
    for batch in 0..BATCHES {
        let found = if batch == 0 { sleep(worker, set, is_busy, &mut ready) } else { take(set, 0, &mut ready) };
        any |= adopt(worker) || found != 0;
        for &ticket in ready.iter().take(found) {
            handle_event(worker, set, ticket);
        }
        if found < BATCH {
            break;
        }
    }
    any
}

/// Sleeps in the set until something comes or is due. A hook that brings something which is due
/// earlier sees that the drainer sleeps, or the drainer sees what was brought.
fn sleep(worker: &Worker, set: Poller, is_busy: bool, ready: &mut [u64; BATCH]) -> usize {
    if is_busy {
        return take(set, 0, ready);
    }
    let own_set = &worker.drain.drainer.set;
    own_set.begin_sleep(sentinel(worker));
    let ms = if worker.drain.sockets.has_offers() { 0 } else { due_in(worker) };
    own_set.sleeps_until(Millis::now().plus(ms));
    let found = take(set, ms, ready);
    own_set.end_sleep();
    found
}

/// A socket by whose event hooks wake the drainer: one that has room to write.
fn sentinel(worker: &Worker) -> Option<Place> {
    const FEW: usize = 32;
    let mut oldest = core::iter::successors(worker.by_age.first(), |&place| worker.after_by_age(place));
    let has_room = |&place: &Place| worker.at(place).is_some_and(|held| !held.has(Flag::WaitsForRoom));
    oldest.by_ref().take(FEW).find(has_room)
}

/// Milliseconds until something is due, as far as the drainer may sleep.
fn due_in(worker: &Worker) -> u32 {
    let now = Millis::now();
    let firsts = [worker.by_activity.first(), worker.by_age.first()];
    let bounds = firsts.into_iter().flatten().filter_map(|place| time_left(worker, place, now));
    let due = bounds.chain(demands_due_in(worker, now)).chain(begins_in(worker, now)).min();
    // A tick later, so that the bound is exceeded by then.
    let longest = longest_sleep(worker);
    let sleep = due.map_or(longest, |due| due.saturating_add(TICK_MS).min(longest));
    check_comes_in(worker, now).into_iter().chain(exit_tick(worker)).chain([sleep]).min().unwrap_or(sleep)
}

fn time_left(worker: &Worker, place: Place, now: Millis) -> Option<u32> {
    let held = worker.at(place)?;
    worker.bounds(held).time_left(held.progress(), now)
}

fn demands_due_in(worker: &Worker, now: Millis) -> Option<u32> {
    worker.drain.demands.deferred.time_left(now)
}

fn exit_tick(worker: &Worker) -> Option<u32> {
    worker.drain.demands.process_end.is_exiting().then_some(EXIT_TICK_MS)
}

/// How long to sleep where nothing has a bound. Without a sentinel no hook could wake the drainer:
/// a socket may be claimed, and its offer still to come.
fn longest_sleep(worker: &Worker) -> u32 {
    if sentinel(worker).is_none() { SHORT_SLEEP_MS } else { LONGEST_SLEEP_MS }
}
