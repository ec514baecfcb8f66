//! What the thread does: adopt what was offered, discard what came in, end what
//! is over, leave when there has been nothing to do for a while.
//!
//! A drained socket is in no hurry; the program's threads are. So the thread is
//! not woken for a hand-over, unless the half-close is left to it: it harvests
//! whatever is ready, then rests for a tick. With nothing ready it sleeps in epoll
//! until the next bound; with nothing held it leaves.
//!
//! Context: the thread of [`crate::sys::thread`]: no thread-local storage, no
//! libc, no allocation, no panic, and no descriptor on a low number, ever.

use super::Drain;
use super::callers::Callers;
use super::looks::{Look, Looks};
use super::place::Place;
use super::ports::is_in_the_way;
use super::queue::Queue;
use super::slot::Slot;
use super::{AWAKE, UNSURE};
use crate::bounds::{Bounds, End};
use crate::discard::Step;
use crate::quiet::is_quiet;
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
/// Longest sleep while the first guest is on its way, or nobody could wake us.
const SHORT_NAP_MS: u32 = 50;
/// How long the thread stays with nothing to do.
const STAY_MS: u32 = 1000;
/// How often a process that ends looks for sockets that need no more waiting.
const EXIT_TICK_MS: u32 = 20;
/// With so many waiting, a round through them is followed by a rest of a millisecond.
const ROUND: u32 = 64;
/// A look that takes longer will not come back.
const LOST_LOOK_MS: u32 = 1000;

/// The body of the thread.
pub extern "C" fn run(drain: &'static Drain) {
    let Some(fd) = Fd::new(drain.poller.load(SeqCst)) else { return };
    let mut drainer = Drainer {
        drain,
        poller: fd,
        by_activity: Queue::new(|slot| &slot.by_activity),
        by_age: Queue::new(|slot| &slot.by_age),
        waiting: Queue::new(|slot| &slot.by_wait),
        postponed: Queue::new(|slot| &slot.by_patience),
        wait_count: 0,
        look_at: None,
        asked_at: Millis::now(),
        used_look: 0,
        round_at: None,
        rests_until: Millis::now(),
        quiet_at: Millis::now(),
        idle_since: Millis::now(),
        discarded: 0,
    };
    while !drain.is_yielding() && drainer.turn() {}
    drain.has_yielded();
}

struct Drainer {
    drain: &'static Drain,
    poller: Fd,
    by_activity: Queue,
    by_age: Queue,
    /// Those at which a thread of the program may still be; see [`super::callers`].
    waiting: Queue,
    /// Those with which a strategy is patient, the first to part first.
    postponed: Queue,
    wait_count: u32,
    /// When a look is worth it for those of whom it may tell.
    look_at: Option<Millis>,
    asked_at: Millis,
    /// The last look that was made use of.
    used_look: Look,
    /// When the next round is due for those of whom time will tell.
    round_at: Option<Millis>,
    /// No look is asked for before: the last round took a while.
    rests_until: Millis,
    /// When a process that ends looks for the quiet again.
    quiet_at: Millis,
    idle_since: Millis,
    /// Bytes discarded in this turn.
    discarded: u64,
}

fn look(poller: Poller, timeout_ms: u32, ready: &mut [u64; BATCH]) -> usize {
    poller.wait(Some(timeout_ms), ready).unwrap_or(0)
}

fn sooner(at: &mut Option<Millis>, other: Millis) {
    *at = Some(at.filter(|at| other.since(*at) != 0).unwrap_or(other));
}

impl Drainer {
    /// One round; false when the thread is to leave.
    fn turn(&mut self) -> bool {
        let seen = self.drain.wakeup.count();
        if self.drain.held() == 0 {
            return self.linger();
        }
        self.discarded = 0;
        self.drain.end_lingering();
        let mut busy = self.adopt();
        self.end_patience();
        self.round();
        let Some(poller) = Poller::verified(self.poller) else { return self.wind_up() };
        busy |= self.reap(poller, busy || self.is_look_out());
        self.expire();
        self.evict();
        self.free_port();
        self.apply_due();
        self.ask_for_a_look();
        // The looker can notify us, and has nothing in our set.
        if (busy || self.is_look_out()) && self.discarded < FLOOD {
            self.drain.wakeup.sleep(seen, TICK_MS);
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
        self.drain.sentinel.store(self.sentinel().map_or(0, Place::link), SeqCst);
        self.drain.wakes_at.store(UNSURE, SeqCst);
        let patience = if self.drain.slots.has_offers() { 0 } else { self.patience() };
        self.drain.wakes_at.store(Millis::now().plus(patience).0, SeqCst);
        let found = look(poller, patience, ready);
        self.drain.wakes_at.store(AWAKE, SeqCst);
        found
    }

    /// Whoever wakes us asks for an event of it: one that has room to write.
    fn sentinel(&self) -> Option<Place> {
        const FEW: usize = 32;
        let slots = &self.drain.slots;
        let mut oldest = core::iter::successors(self.by_age.first(), |&place| self.by_age.after(slots, place));
        oldest.by_ref().take(FEW).find(|&place| slots.at(place).is_some_and(|slot| !slot.has_no_room()))
    }

    /// With nothing held, waits for an offer; false where none has come, and the
    /// thread has left.
    fn linger(&self) -> bool {
        let seen = self.drain.first_offer.count();
        let idle = Millis::now().since(self.idle_since);
        let dismissed = self.drain.dismissals.is_any();
        if self.drain.held() == 0 && idle < STAY_MS && !dismissed {
            self.drain.first_offer.sleep(seen, STAY_MS - idle);
            return true;
        }
        !self.leave() || {
            self.close_poller();
            false
        }
    }

    fn patience(&self) -> u32 {
        let now = Millis::now();
        let least = self.waiting_for(now).into_iter().chain(self.exiting_tick());
        let firsts = [self.by_activity.first(), self.by_age.first()];
        let left = firsts.into_iter().flatten().filter_map(|place| self.time_left(place, now));
        let left = left.chain(self.drain.deferred.time_left(now)).chain(self.begins_in(now)).min();
        // A clock tick later, so that the bound is over by then.
        let left = left.map_or(self.nap(), |left| left.saturating_add(TICK_MS).min(self.nap()));
        least.chain([left]).min().unwrap_or(left)
    }

    fn exiting_tick(&self) -> Option<u32> {
        self.drain.exiting.load(SeqCst).then_some(EXIT_TICK_MS)
    }

    /// How long to sleep where nothing has a bound. What was announced and has not
    /// come yet could not wake us: nothing of ours is in the set, or nothing that would.
    fn nap(&self) -> u32 {
        if self.sentinel().is_none() { SHORT_NAP_MS } else { NAP_MS }
    }

    /// Milliseconds until a strategy's patience with one is over.
    fn begins_in(&self, now: Millis) -> Option<u32> {
        let slot = self.drain.slots.at(self.postponed.first()?)?;
        let age = now.since(slot.progress().begun);
        Some(slot.close_strategy().patience_ms(self.drain.context.settings).saturating_sub(age))
    }

    /// Parts from the peers of those with which a strategy was patient until now.
    fn end_patience(&mut self) {
        let now = Millis::now();
        while self.begins_in(now) == Some(0)
            && let Some(place) = self.postponed.first()
            && let Some(slot) = self.drain.slots.at(place)
        {
            self.postponed.remove(&self.drain.slots, place);
            slot.set_postponed(false);
            if let Some(fd) = slot.verified() {
                self.begin_close(place, slot, fd);
            }
        }
    }

    /// Parts from the peer, or waits until every writer is done.
    fn begin_close(&mut self, place: Place, slot: &Slot, fd: Fd) {
        if slot.expects_writer() {
            slot.begin_to_watch_writers(fd, self.looks());
            self.wait_for(place, slot);
        } else {
            slot.begin_close(fd);
        }
    }

    fn looks(&self) -> Option<&'static Looks> {
        self.drain.looker.looks()
    }

    fn is_look_out(&self) -> bool {
        self.waiting.first().is_some() && self.looks().is_some_and(Looks::is_out)
    }

    fn is_look_lost(&self) -> bool {
        Millis::now().since(self.asked_at) >= LOST_LOOK_MS
    }

    /// A thread of the program may be at it: a look will tell.
    fn wait_for(&mut self, place: Place, slot: &Slot) {
        if !slot.set_waits(true) {
            self.waiting.push(&self.drain.slots, place);
            self.wait_count += 1;
        }
        self.expect(Callers::Looked);
    }

    fn wait_no_more(&mut self, place: Place, slot: &Slot) {
        if slot.set_waits(false) {
            self.waiting.remove(&self.drain.slots, place);
            self.wait_count -= 1;
        }
    }

    /// Whether what is to be known of them is worth waiting for; sees to it that it comes.
    fn expect(&mut self, callers: Callers) -> bool {
        let now = Millis::now();
        let may_look =
            self.looks().is_some_and(|looks| looks.rests_for(now) == 0 && !(looks.is_out() && self.is_look_lost()));
        match callers {
            Callers::Looked if may_look => sooner(&mut self.look_at, now),
            Callers::Later if may_look => sooner(&mut self.look_at, now.plus(TICK_MS)),
            Callers::Looked | Callers::Later | Callers::Timed => {
                sooner(&mut self.round_at, now.plus(TICK_MS.max(self.wait_count / ROUND)));
            }
            Callers::None | Callers::Blocked | Callers::Fed => return false,
        }
        true
    }

    /// Milliseconds until something can be known of one that waits.
    fn waiting_for(&self, now: Millis) -> Option<u32> {
        self.waiting.first()?;
        self.round_at.map(|at| at.since(now)).into_iter().chain(self.look_comes_in(now)).min()
    }

    fn look_comes_in(&self, now: Millis) -> Option<u32> {
        let rests_for = self.looks().map_or(0, |looks| looks.rests_for(now)).max(self.rests_until.since(now));
        self.look_at.map(|at| at.since(now).max(rests_for))
    }

    fn ask_for_a_look(&mut self) {
        let Some(looks) = self.looks().filter(|_| self.waiting.first().is_some()) else { return };
        let was_out = looks.is_out();
        if was_out || self.look_comes_in(Millis::now()) == Some(0) {
            self.drain.ask_for_a_look();
        }
        if !was_out && looks.is_out() {
            self.asked_at = Millis::now();
        }
    }

    /// Goes through those that wait, where there is news: a look, or the time has come.
    fn round(&mut self) {
        let out = self.is_look_out();
        let looks = if out { None } else { self.looks() };
        let is_new = looks.is_some_and(|looks| looks.latest() != self.used_look);
        let is_due = self.round_at.map_or(out, |at| at.since(Millis::now()) == 0);
        // While a look is out, what the last one saw is being overwritten.
        let may = !out || self.is_look_lost();
        if !may || !(is_new || is_due) || self.waiting.first().is_none() {
            return;
        }
        self.used_look = looks.map_or(self.used_look, Looks::latest);
        (self.look_at, self.round_at) = (None, None);
        let mut next = self.waiting.first();
        while let Some(place) = next {
            next = self.waiting.after(&self.drain.slots, place);
            if let Some(slot) = self.drain.slots.at(place) {
                self.examine(place, slot, looks);
            }
        }
        self.rests_until = Millis::now().plus(self.wait_count / ROUND);
    }

    fn examine(&mut self, place: Place, slot: &Slot, looks: Option<&Looks>) {
        let Some(fd) = slot.verified() else { return self.end(place, End::Lost) };
        let writers = if slot.is_being_left() { slot.writers(fd, looks) } else { Callers::None };
        if writers == Callers::None && slot.is_being_left() {
            slot.begin_close(fd);
        }
        let readers = if slot.is_untaken() { self.readers(place, slot, fd, looks) } else { Callers::None };
        if !(self.expect(writers) | self.expect(readers)) {
            self.wait_no_more(place, slot);
        }
        let waits_for_room = writers == Callers::Blocked && !slot.set_no_room(true);
        let is_free = matches!(readers, Callers::None | Callers::Fed) && slot.set_untaken(false);
        if is_free && readers == Callers::None {
            slot.expect_no_reader();
        }
        let goes_on = !is_free || readers == Callers::Fed || self.look_after(place, slot, fd);
        if goes_on && (is_free || waits_for_room) && !slot.is_untaken() {
            self.watch(place, slot, fd);
        }
    }

    /// Who may still read; a reader that takes something is a sign of life.
    fn readers(&mut self, place: Place, slot: &Slot, fd: Fd, looks: Option<&Looks>) -> Callers {
        let before = slot.progress().last;
        let readers = slot.readers(fd, looks);
        if slot.progress().last != before {
            self.is_active(place);
        }
        readers
    }

    fn is_active(&mut self, place: Place) {
        self.by_activity.remove(&self.drain.slots, place);
        self.by_activity.push(&self.drain.slots, place);
    }

    fn time_left(&self, place: Place, now: Millis) -> Option<u32> {
        let slot = self.drain.slots.at(place)?;
        self.bounds(slot).time_left(slot.progress(), now)
    }

    fn bounds(&self, slot: &Slot) -> Bounds {
        slot.close_strategy().bounds(self.drain.context.settings, slot.role())
    }

    /// Takes in what hooks have offered; false where there was nothing.
    fn adopt(&mut self) -> bool {
        let drain = self.drain;
        let mut any = false;
        drain.slots.take_offers(|place, slot| {
            any = true;
            if slot.close_strategy().reads() {
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
        if slot.close_strategy().patience_ms(self.drain.context.settings) != 0 {
            slot.set_postponed(true);
            self.postponed.push(&self.drain.slots, place);
        } else if slot.is_still_open() {
            self.begin_close(place, slot, fd);
        }
        if self.goes_on(place, slot, fd) {
            socket::report_every_byte(fd);
            self.watch(place, slot, fd);
        }
    }

    fn watch(&self, place: Place, slot: &Slot, fd: Fd) {
        let Some(poller) = Poller::verified(self.poller) else { return };
        let (ticket, interest) = (slot.ticket(place), slot.interest());
        let add = || poller.add(fd, ticket, interest, false);
        let _ = if slot.set_watched() { poller.set(fd, ticket, interest).or_else(|_| add()) } else { add() };
    }

    fn harvest(&mut self, poller: Poller, found: u64) {
        let Some(place) = self.drain.slots.place(found as u32) else { return };
        let Some(slot) = self.drain.slots.at(place) else { return };
        // The hook watches before it offers: an event may come before the adoption.
        if slot.ticket(place) != found || !slot.is_adopted() {
            return;
        }
        let Some(fd) = slot.verified() else { return self.end(place, End::Lost) };
        self.use_room(place, slot, fd);
        let before = self.discarded;
        if self.goes_on(place, slot, fd) {
            // An event, and nothing there: that of the error queue, which lasts as long as
            // there is something in it.
            if self.discarded == before {
                socket::discard_news(fd);
            }
            let _ = poller.rearm(fd, found, slot.interest());
        }
    }

    /// A writer that was blocked goes on where there is room.
    fn use_room(&mut self, place: Place, slot: &Slot, fd: Fd) {
        if slot.has_no_room() && socket::is_writable(fd) {
            slot.set_no_room(false);
            self.begin_close(place, slot, fd);
        }
    }

    /// Looks after it, unless a reader may want what is queued. Whether events of it are of
    /// interest: the drain goes on, and nothing is left queued.
    fn goes_on(&mut self, place: Place, slot: &Slot, fd: Fd) -> bool {
        if !slot.expects_reader(fd) {
            return self.look_after(place, slot, fd);
        }
        let is_untaken = socket::unread(fd) != 0;
        if is_untaken && !slot.set_untaken(true) {
            // A reader that waits for more than there is wakes, and takes that.
            socket::report_every_byte(fd);
            slot.begin_to_watch_readers(fd, self.looks());
            self.is_active(place);
            self.wait_for(place, slot);
        }
        !is_untaken
    }

    /// Whether the drain goes on. Where it does not, the place may be another
    /// socket's by now, with the same number.
    fn look_after(&mut self, place: Place, slot: &Slot, fd: Fd) -> bool {
        let (bytes, end) = match slot.close_strategy().step(fd) {
            Step::More(bytes) => (bytes, None),
            Step::End(bytes, end) => (bytes, Some(end)),
        };
        let mut progress = slot.progress();
        progress.discarded += bytes;
        self.discarded += bytes;
        if bytes != 0 {
            progress.last = Millis::now();
            self.is_active(place);
        }
        slot.set_progress(progress);
        let end = end.or_else(|| self.bounds(slot).exceeded(progress, Millis::now()));
        if let Some(end) = end {
            self.end(place, end);
        }
        end.is_none()
    }

    /// Ends what is over by time: only the first of each order can be.
    fn expire(&mut self) {
        let now = Millis::now();
        while let Some((place, end)) = self.overdue(now) {
            self.end(place, end);
        }
        if self.drain.exiting.load(SeqCst) && self.quiet_at.since(now) == 0 {
            self.quiet_at = now.plus(EXIT_TICK_MS);
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
        let most = match (self.drain.dismissals.is_any(), pressed) {
            (true, _) => 0,
            (false, true) => cap.min(self.drain.sockets() / 2),
            (false, false) => cap,
        };
        if self.drain.sockets() > most {
            self.end_acknowledged(self.by_activity.first(), most, |drainer, place| {
                drainer.by_activity.after(&drainer.drain.slots, place)
            });
            // Not all are in the first.
            self.end_acknowledged(self.by_age.first(), most, |drainer, place| {
                drainer.by_age.after(&drainer.drain.slots, place)
            });
        }
        while self.drain.sockets() > most {
            let Some(place) = self.by_age.first() else { return };
            self.end(place, End::Evicted);
        }
    }

    /// Ends those whose peer has acknowledged everything and is silent, until so many are
    /// held. Of an order that begins with many others only the beginning is looked at.
    fn end_acknowledged(&mut self, first: Option<Place>, most: u32, after: fn(&Self, Place) -> Option<Place>) {
        const OTHERS: u32 = 32;
        let (mut next, mut others) = (first, 0);
        while self.drain.sockets() > most
            && others < OTHERS
            && let Some(place) = next
        {
            next = after(self, place);
            let fd = self.drain.slots.at(place).and_then(Slot::fd);
            if fd.is_some_and(|fd| socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0) {
                self.end(place, End::Evicted);
            } else {
                others += 1;
            }
        }
    }

    /// Resets what keeps a port busy that the program waits for.
    fn free_port(&mut self) {
        let Some(request) = self.drain.wanted_port.get() else { return };
        // What was offered before that was asked for.
        self.adopt();
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.by_age.after(&self.drain.slots, place);
            let Some(slot) = self.drain.slots.at(place) else { break };
            if let Some(fd) = slot.verified().filter(|&fd| is_in_the_way(slot, fd, request.port())) {
                let _ = socket::set_linger(fd, 0);
                self.end(place, End::Evicted);
            }
        }
        self.drain.wanted_port.done(request);
        self.drain.ended.notify();
    }

    fn apply_due(&self) {
        let at_once = self.drain.exiting.load(SeqCst) || self.drain.dismissals.is_any();
        if self.drain.deferred.count() != 0 {
            self.drain.apply_due(at_once);
        }
    }

    /// The number is verified right before its close, whatever has seen it before: what
    /// answered like an end may be what the program has put there meanwhile.
    fn end(&mut self, place: Place, end: End) {
        let Some(slot) = self.drain.slots.at(place) else { return };
        let fd = slot.verified();
        if slot.close_strategy().reads() {
            self.by_activity.remove(&self.drain.slots, place);
        }
        self.by_age.remove(&self.drain.slots, place);
        self.wait_no_more(place, slot);
        if slot.set_postponed(false) {
            self.postponed.remove(&self.drain.slots, place);
        }
        self.drain.over(place, slot, fd, if fd.is_none() { End::Lost } else { end });
        slot.fd().into_iter().for_each(|number| self.drain.ledger.ended(number));
        if let Some(fd) = fd {
            fd.close();
        }
        self.drain.slots.free(place);
        self.idle_since = Millis::now();
        self.drain.gate.one_less();
        self.drain.ended.notify();
    }

    /// The thread leaves, unless something is held.
    fn leave(&self) -> bool {
        let leaves = self.drain.gate.leave();
        if leaves {
            self.drain.looker.notify();
        }
        leaves
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
                Some(fd) => {
                    self.use_room(place, slot, fd);
                    self.goes_on(place, slot, fd);
                }
                None => self.end(place, End::Lost),
            }
        }
        self.expire();
        self.evict();
        self.free_port();
        self.apply_due();
        self.ask_for_a_look();
        if self.drain.held() == 0 && self.leave() {
            return false;
        }
        // To look at all of them must not take all of the processor.
        let rest = TICK_MS.max(self.drain.held() / 8);
        self.drain.wakeup.sleep(self.drain.wakeup.count(), rest);
        true
    }
}
