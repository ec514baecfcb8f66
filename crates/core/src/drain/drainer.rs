//! What the thread does: adopt what was offered, discard what came in, end what
//! is over, leave when there has been nothing to do for a while.
//!
//! A drained socket is in no hurry; the program's threads are. So the thread is
//! not woken for a hand-over: it harvests whatever is ready, then rests for a
//! tick. With nothing ready it sleeps in epoll until the next bound; with nothing
//! held it leaves.
//!
//! Context: the thread of [`crate::sys::thread`]: no thread-local storage, no
//! libc, no allocation, no panic, and no descriptor on a low number, ever.

use super::Drain;
use super::place::Place;
use super::ports::is_in_the_way;
use super::queue::Queue;
use super::slot::Slot;
use super::{ASK, AWAKE, UNSURE};
use crate::bounds::{Bounds, End};
use crate::finish::is_quiet;
use crate::sip::Sip;
use crate::sys::clock::Millis;
use crate::sys::poller::{BATCH, Poller};
use crate::sys::{Fd, socket};
use core::sync::atomic::Ordering::SeqCst;

/// Rest between two harvests, milliseconds.
const TICK_MS: u32 = 5;
/// With so many bytes discarded in a turn there is no rest: a queue that fills meanwhile is
/// no longer in the processor's caches when it is thrown away.
const FLOOD: u64 = 256 << 10;
/// Longest sleep while something is held: new offers have bounds too.
const NAP_MS: u32 = 500;
/// Longest sleep while the first guest is on its way.
const SHORT_NAP_MS: u32 = 20;
/// How long the thread stays with nothing to do.
const STAY_MS: u32 = 1000;
/// How often a process that ends looks for sockets that need no more waiting.
const EXIT_TICK_MS: u32 = 20;

/// The body of the thread.
pub extern "C" fn run(drain: &'static Drain) {
    let Some(fd) = Fd::new(drain.poller.load(SeqCst)) else { return };
    let mut drainer = Drainer {
        drain,
        poller: fd,
        by_activity: Queue::new(|slot| &slot.by_activity),
        by_age: Queue::new(|slot| &slot.by_age),
        idle_since: Millis::now(),
        patient: 0,
        parts_in: None,
        discarded: 0,
    };
    while drainer.turn() {}
}

struct Drainer {
    drain: &'static Drain,
    poller: Fd,
    by_activity: Queue,
    by_age: Queue,
    idle_since: Millis,
    /// How many are held that a strategy is patient with, as of this turn.
    patient: u32,
    /// Milliseconds until the first such patience is over.
    parts_in: Option<u32>,
    /// Bytes discarded in this turn.
    discarded: u64,
}

fn look(poller: Poller, timeout_ms: u32, ready: &mut [u64; BATCH]) -> usize {
    poller.wait(Some(timeout_ms), ready).unwrap_or(0)
}

impl Drainer {
    /// One round; false when the thread is to leave.
    fn turn(&mut self) -> bool {
        let seen = self.drain.bell.count();
        if self.drain.held() == 0 {
            return self.linger();
        }
        self.discarded = 0;
        let mut busy = self.adopt() | self.settle();
        let Some(poller) = Poller::verified(self.poller) else { return self.wind_up() };
        busy |= self.reap(poller, busy);
        self.expire();
        self.evict();
        self.free_port();
        self.end_graces();
        if busy && self.discarded < FLOOD {
            self.drain.bell.sleep(seen, TICK_MS);
        }
        true
    }

    /// Waits for events, and takes all there are, within reason. False where there
    /// was none.
    fn reap(&mut self, poller: Poller, busy: bool) -> bool {
        const BATCHES: u32 = 32;
        let mut ready = [0; BATCH];
        let mut any = false;
        for batch in 0..BATCHES {
            let found = if batch == 0 { self.sleep(poller, busy, &mut ready) } else { look(poller, 0, &mut ready) };
            any |= self.adopt() || found != 0;
            for &ticket in ready.iter().take(found) {
                self.harvest(poller, ticket);
            }
            if found < BATCH {
                break;
            }
        }
        any
    }

    /// Sleeps in epoll until something comes or is due. Who brings something that is
    /// due earlier sees that we sleep, or we see what was brought.
    fn sleep(&self, poller: Poller, busy: bool, ready: &mut [u64; BATCH]) -> usize {
        if busy {
            return look(poller, 0, ready);
        }
        self.drain.sentinel.store(self.by_age.first().map_or(0, Place::link), SeqCst);
        self.drain.wakes_at.store(UNSURE, SeqCst);
        let patience = if self.drain.slots.has_offers() { 0 } else { self.patience() };
        self.drain.wakes_at.store(Millis::now().plus(patience).0, SeqCst);
        let found = look(poller, patience, ready);
        self.drain.wakes_at.store(AWAKE, SeqCst);
        found
    }

    /// With nothing held, waits for an offer; false where none has come, and the
    /// thread has left.
    fn linger(&self) -> bool {
        let seen = self.drain.doorbell.count();
        let idle = Millis::now().since(self.idle_since);
        let dismissed = self.drain.dismissed.load(SeqCst);
        if self.drain.held() == 0 && idle < STAY_MS && !dismissed {
            self.drain.doorbell.sleep(seen, STAY_MS - idle);
            return true;
        }
        !self.leave() || {
            self.close_poller();
            false
        }
    }

    fn patience(&self) -> u32 {
        let now = Millis::now();
        if self.drain.still_open.load(SeqCst) != self.patient {
            // One is being offered.
            TICK_MS
        } else if self.drain.exiting.load(SeqCst) {
            EXIT_TICK_MS
        } else {
            let firsts = [self.by_activity.first(), self.by_age.first()];
            let left = firsts.into_iter().flatten().filter_map(|place| self.time_left(place, now));
            let left = left.chain(self.drain.graces.time_left(now)).chain(self.parts_in).min();
            // A clock tick later, so that the bound is over by then.
            left.map_or(self.nap(), |left| left.saturating_add(TICK_MS).min(NAP_MS))
        }
    }

    /// How long to sleep where nothing has a bound. What was announced and has not
    /// come yet could not wake us: nothing of ours is in the set.
    fn nap(&self) -> u32 {
        if self.by_age.first().is_none() { SHORT_NAP_MS } else { NAP_MS }
    }

    /// Parts from the peers of what had to wait for a writer, or for a strategy's
    /// patience; the latest come first. False where none of them is due.
    fn settle(&mut self) -> bool {
        let now = Millis::now();
        let all = self.drain.still_open.load(SeqCst);
        (self.patient, self.parts_in) = (0, None);
        let mut left = all;
        let mut next = self.by_age.last();
        while let Some(place) = next.filter(|_| left != 0) {
            next = self.by_age.before(&self.drain.slots, place);
            let Some(slot) = self.drain.slots.at(place).filter(|slot| slot.is_still_open()) else { continue };
            left -= 1;
            self.settle_one(slot, now);
        }
        all != self.patient
    }

    fn settle_one(&mut self, slot: &Slot, now: Millis) {
        let age = now.since(slot.progress().begun);
        let parts_in = slot.goodbye().patience_ms(self.drain.common.settings).saturating_sub(age);
        if parts_in != 0 {
            self.patient += 1;
            self.parts_in = self.parts_in.into_iter().chain([parts_in]).min();
        } else if slot.verified().is_some_and(|fd| slot.settle(fd)) {
            self.drain.still_open.fetch_sub(1, SeqCst);
        }
    }

    fn time_left(&self, place: Place, now: Millis) -> Option<u32> {
        let slot = self.drain.slots.at(place)?;
        self.bounds(slot).time_left(slot.progress(), now)
    }

    fn bounds(&self, slot: &Slot) -> Bounds {
        slot.goodbye().bounds(self.drain.common.settings, slot.role())
    }

    /// Takes in what hooks have offered; false where there was nothing.
    fn adopt(&mut self) -> bool {
        let drain = self.drain;
        let mut any = false;
        drain.slots.take_offers(|place, slot| {
            any = true;
            if slot.goodbye().reads() {
                self.by_activity.push(&drain.slots, place);
            }
            self.by_age.push(&drain.slots, place);
            slot.set_adopted();
            self.first_look(place, slot);
        });
        any
    }

    /// Most peers have sent their FIN by now. Whatever has not is watched from here
    /// on: where the hook has done so already, that may have had its event too early,
    /// or be with a thread that was about to leave.
    fn first_look(&mut self, place: Place, slot: &Slot) {
        let Some(fd) = slot.verified() else { return self.end(place, End::Lost) };
        let goes_on = slot.is_patient(fd) || self.look_after(place, slot, fd);
        if goes_on && let Some(poller) = Poller::verified(self.poller) {
            socket::report_every_byte(fd);
            let (ticket, interest) = (slot.ticket(place), slot.goodbye().interest());
            let add = || poller.add(fd, ticket, interest, false);
            let _ = if slot.is_watched() { poller.set(fd, ticket, interest).or_else(|_| add()) } else { add() };
        }
    }

    fn harvest(&mut self, poller: Poller, found: u64) {
        let Some(place) = self.drain.slots.place(found as u32) else { return };
        let Some(slot) = self.drain.slots.at(place) else { return };
        // The hook watches before it offers: an event may come before the adoption.
        if slot.ticket(place) != found || !slot.is_adopted() {
            return;
        }
        let Some(fd) = slot.verified() else { return self.end(place, End::Lost) };
        let goes_on = slot.is_patient(fd) || self.look_after(place, slot, fd);
        if goes_on {
            let _ = poller.rearm(fd, found, slot.goodbye().interest());
        }
    }

    /// Whether the drain goes on. Where it does not, the place may be another
    /// socket's by now, with the same number.
    fn look_after(&mut self, place: Place, slot: &Slot, fd: Fd) -> bool {
        let (bytes, end) = match slot.goodbye().look(fd) {
            Sip::More(bytes) => (bytes, None),
            Sip::End(bytes, end) => (bytes, Some(end)),
        };
        let mut progress = slot.progress();
        progress.discarded += bytes;
        self.discarded += bytes;
        if bytes != 0 {
            progress.last = Millis::now();
            self.by_activity.remove(&self.drain.slots, place);
            self.by_activity.push(&self.drain.slots, place);
        }
        slot.set_progress(progress);
        let end = end.or_else(|| self.bounds(slot).exceeded(progress, Millis::now()));
        if let Some(end) = end {
            self.end_verified(place, slot, Some(fd), end);
        }
        end.is_none()
    }

    /// Ends what is over by time: only the first of each order can be.
    fn expire(&mut self) {
        let now = Millis::now();
        while let Some((place, end)) = self.overdue(now) {
            self.end(place, end);
        }
        if self.drain.exiting.load(SeqCst) {
            self.end_the_quiet();
        }
    }

    fn overdue(&self, now: Millis) -> Option<(Place, End)> {
        [self.by_activity.first(), self.by_age.first()].into_iter().flatten().find_map(|place| {
            let slot = self.drain.slots.at(place)?;
            Some((place, self.bounds(slot).exceeded(slot.progress(), now)?))
        })
    }

    fn end_the_quiet(&mut self) {
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.by_age.after(&self.drain.slots, place);
            let fd = self.drain.slots.at(place).and_then(Slot::verified);
            if fd.is_none_or(is_quiet) {
                self.end(place, End::Acknowledged);
            }
        }
    }

    /// Makes room: first one whose peer has acknowledged everything and is
    /// silent, else the oldest.
    fn evict(&mut self) {
        let cap = self.drain.cap.load(SeqCst);
        let pressed = self.drain.pressed.swap(false, SeqCst);
        let most = match (self.drain.dismissed.load(SeqCst), pressed) {
            (true, _) => 0,
            (false, true) => cap.min(self.drain.sockets() / 2),
            (false, false) => cap,
        };
        while self.drain.sockets() > most {
            let Some(place) = self.acknowledged().or(self.by_age.first()) else { return };
            self.end(place, End::Evicted);
        }
    }

    /// Resets what keeps a port busy that the program waits for.
    fn free_port(&mut self) {
        let Some(port) = self.drain.wanted_port.get() else { return };
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.by_age.after(&self.drain.slots, place);
            let Some(slot) = self.drain.slots.at(place) else { break };
            if let Some(fd) = slot.verified().filter(|&fd| is_in_the_way(slot, fd, port)) {
                let _ = socket::set_linger(fd, 0);
                self.end_verified(place, slot, Some(fd), End::Evicted);
            }
        }
        self.drain.wanted_port.done();
        self.drain.ended.ring();
    }

    fn end_graces(&self) {
        let at_once = self.drain.exiting.load(SeqCst) || self.drain.dismissed.load(SeqCst);
        if self.drain.graces.count() != 0 {
            self.drain.end_graces(at_once);
        }
    }

    fn acknowledged(&self) -> Option<Place> {
        // Not all are in the first.
        [&self.by_activity, &self.by_age].into_iter().find_map(|queue| self.acknowledged_in(queue))
    }

    fn acknowledged_in(&self, queue: &Queue) -> Option<Place> {
        const LOOKED_AT: usize = 32;
        let slots = &self.drain.slots;
        core::iter::successors(queue.first(), |&place| queue.after(slots, place)).take(LOOKED_AT).find(|&place| {
            let fd = slots.at(place).and_then(Slot::fd);
            fd.is_some_and(|fd| socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0)
        })
    }

    fn end(&mut self, place: Place, end: End) {
        if let Some(slot) = self.drain.slots.at(place) {
            self.end_verified(place, slot, slot.verified(), end);
        }
    }

    fn end_verified(&mut self, place: Place, slot: &Slot, fd: Option<Fd>, end: End) {
        if slot.goodbye().reads() {
            self.by_activity.remove(&self.drain.slots, place);
        }
        self.by_age.remove(&self.drain.slots, place);
        self.drain.over(place, slot, fd, if fd.is_none() { End::Lost } else { end });
        if let Some(fd) = fd {
            fd.close();
        }
        if slot.is_still_open() {
            self.drain.still_open.fetch_sub(1, SeqCst);
        }
        self.drain.slots.free(place);
        self.idle_since = Millis::now();
        self.drain.gate.one_less();
        self.drain.ended.ring();
    }

    /// The thread leaves, unless something is held. Whoever starts the next one looks for
    /// epoll sets anew.
    fn leave(&self) -> bool {
        self.drain.unseen_sets.store(ASK, SeqCst);
        self.drain.gate.leave()
    }

    fn close_poller(&self) {
        if let Some(poller) = Poller::verified(self.poller) {
            poller.fd().close();
        }
    }

    /// The program has closed our epoll set, and perhaps sockets with it. What is
    /// still there is looked at in turn until it has ended; then the next close
    /// begins afresh.
    fn wind_up(&mut self) -> bool {
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.by_age.after(&self.drain.slots, place);
            let Some(slot) = self.drain.slots.at(place) else { break };
            match slot.verified() {
                Some(fd) if slot.is_patient(fd) => {}
                Some(fd) => _ = self.look_after(place, slot, fd),
                None => self.end(place, End::Lost),
            }
        }
        self.expire();
        self.evict();
        self.free_port();
        self.end_graces();
        if self.drain.held() == 0 && self.leave() {
            return false;
        }
        self.drain.bell.sleep(self.drain.bell.count(), TICK_MS);
        true
    }
}
