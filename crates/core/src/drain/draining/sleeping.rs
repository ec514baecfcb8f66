//! The drainer sleeps in its epoll set until something comes or is due, and takes the events.

use super::worker::{TICK_MS, Worker};
use crate::drain::table::flags::Flag;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::poller::{BATCH, Poller};

/// The longest sleep while something is held, in milliseconds: new offers have bounds too.
const LONGEST_SLEEP_MS: u32 = 500;
/// The longest sleep in milliseconds while no hook could wake the drainer.
const SHORT_SLEEP_MS: u32 = 50;
/// How often a process that ends looks for sockets that need no more waiting, in milliseconds.
pub(super) const EXIT_TICK_MS: u32 = 20;

fn take(set: Poller, timeout_ms: u32, ready: &mut [u64; BATCH]) -> usize {
    set.wait(Some(timeout_ms), ready).unwrap_or(0)
}

impl Worker {
    /// Takes the events that there are, up to a limit; sleeps until there is one unless `is_busy`.
    /// Answers whether there was an event or an offer.
    pub(super) fn take_events(&mut self, set: Poller, is_busy: bool) -> bool {
        const BATCHES: u32 = 32;
        let mut ready = [0; BATCH];
        let mut any = false;
        for batch in 0..BATCHES {
            let found = if batch == 0 { self.sleep(set, is_busy, &mut ready) } else { take(set, 0, &mut ready) };
            any |= self.adopt() || found != 0;
            for &ticket in ready.iter().take(found) {
                self.handle_event(set, ticket);
            }
            if found < BATCH {
                break;
            }
        }
        any
    }

    /// Sleeps in the set until something comes or is due. A hook that brings something which is due
    /// earlier sees that the drainer sleeps, or the drainer sees what was brought.
    fn sleep(&self, set: Poller, is_busy: bool, ready: &mut [u64; BATCH]) -> usize {
        if is_busy {
            return take(set, 0, ready);
        }
        let own_set = &self.drain.drainer.set;
        own_set.begin_sleep(self.sentinel());
        let ms = if self.drain.sockets.has_offers() { 0 } else { self.due_in() };
        own_set.sleeps_until(Millis::now().plus(ms));
        let found = take(set, ms, ready);
        own_set.end_sleep();
        found
    }

    /// A socket by whose event hooks wake the drainer: one that has room to write.
    fn sentinel(&self) -> Option<Place> {
        const FEW: usize = 32;
        let mut oldest = core::iter::successors(self.by_age.first(), |&place| self.after_by_age(place));
        let has_room = |&place: &Place| self.at(place).is_some_and(|held| !held.has(Flag::WaitsForRoom));
        oldest.by_ref().take(FEW).find(has_room)
    }

    /// Milliseconds until something is due, as far as the drainer may sleep.
    fn due_in(&self) -> u32 {
        let now = Millis::now();
        let firsts = [self.by_activity.first(), self.by_age.first()];
        let bounds = firsts.into_iter().flatten().filter_map(|place| self.time_left(place, now));
        let due = bounds.chain(self.demands_due_in(now)).chain(self.begins_in(now)).min();
        // A tick later, so that the bound is exceeded by then.
        let longest = self.longest_sleep();
        let sleep = due.map_or(longest, |due| due.saturating_add(TICK_MS).min(longest));
        self.check_comes_in(now).into_iter().chain(self.exit_tick()).chain([sleep]).min().unwrap_or(sleep)
    }

    fn time_left(&self, place: Place, now: Millis) -> Option<u32> {
        let held = self.at(place)?;
        self.bounds(held).time_left(held.progress(), now)
    }

    fn demands_due_in(&self, now: Millis) -> Option<u32> {
        self.drain.demands.deferred.time_left(now)
    }

    fn exit_tick(&self) -> Option<u32> {
        self.drain.demands.process_end.is_exiting().then_some(EXIT_TICK_MS)
    }

    /// How long to sleep where nothing has a bound. Without a sentinel no hook could wake the drainer:
    /// a socket may be claimed, and its offer still to come.
    fn longest_sleep(&self) -> u32 {
        if self.sentinel().is_none() { SHORT_SLEEP_MS } else { LONGEST_SLEEP_MS }
    }
}
