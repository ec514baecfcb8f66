//! One held socket, and the table of all of them.
//!
//! A hook claims a slot, fills it and offers it; the drainer adopts what was
//! offered. Both directions are lock-free lists through the slots.
//!
//! Context: any hook; lock-free, no allocation once the table is mapped. Fields
//! that only the drainer uses are atomics with relaxed order, so that the table
//! can be shared as plain references.

use super::inbox::Inbox;
use super::place::Place;
use super::stack::Stack;
use crate::bounds::Progress;
use crate::decision::Phase;
use crate::finish::Settling;
use crate::ledger::table::Role;
use crate::settings::Strategy;
use crate::strategy::{self, Goodbye};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::{Region, Sharing, Zeroed};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// What a place is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free = 0,
    Claimed = 1,
    Offered = 2,
    /// In the drainer's queues.
    Adopted = 3,
}

/// Links of a place in one of the drainer's queues; see [`super::queue`].
#[derive(Default)]
pub struct Links {
    /// The place before, as a link.
    pub before: AtomicU32,
    /// The place after, as a link.
    pub after: AtomicU32,
}

/// One held socket: 64 bytes.
#[repr(C, align(64))]
pub struct Slot {
    /// `SO_COOKIE`, by which the descriptor is known again.
    cookie: AtomicU64,
    discarded: AtomicU64,
    /// See [`Settling`].
    settling: AtomicU64,
    fd: AtomicI32,
    in_use: AtomicU32,
    next: AtomicU32,
    flags: AtomicU32,
    begun: AtomicU32,
    last: AtomicU32,
    /// By the time of the last sign of the peer.
    pub by_activity: Links,
    /// By the time at which the drain began.
    pub by_age: Links,
}

// SAFETY: repr(C), atomics only; all zeroes is a free slot.
unsafe impl Zeroed for Slot {}

const CONNECTED: u32 = 1;
const STILL_OPEN: u32 = 4;
const PATIENT: u32 = 8;
const CAUTIOUS: u32 = 16;
const SETTLING: u32 = 32;
/// The strategy is in the bits from here on.
const STRATEGY_SHIFT: u32 = 8;

impl Slot {
    /// The private descriptor.
    pub fn fd(&self) -> Option<Fd> {
        Fd::new(self.fd.load(SeqCst))
    }

    /// Whether the private descriptor still is that socket.
    pub fn verified(&self) -> Option<Fd> {
        self.fd().filter(|&fd| crate::sys::socket::cookie(fd) == Some(self.cookie.load(SeqCst)))
    }

    /// What epoll says back for it: its place, and enough of the cookie to tell it
    /// from a later socket in the same place.
    pub fn ticket(&self, place: Place) -> u64 {
        self.cookie.load(SeqCst) << 32 | place.index() as u64
    }

    /// Which side opened it.
    pub fn role(&self) -> Role {
        if self.flags.load(Relaxed) & CONNECTED != 0 { Role::Connected } else { Role::Accepted }
    }

    /// How it says goodbye.
    pub fn goodbye(&self) -> &'static dyn Goodbye {
        let name = Strategy::from_index(self.flags.load(Relaxed) >> STRATEGY_SHIFT);
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    /// The drainer has it in its queues.
    pub fn set_adopted(&self) {
        self.in_use.store(Use::Adopted as u32, SeqCst);
    }

    /// Whether it does.
    pub fn is_adopted(&self) -> bool {
        self.in_use.load(SeqCst) == Use::Adopted as u32
    }

    fn is_offered(&self) -> bool {
        self.in_use.load(SeqCst) >= Use::Offered as u32
    }

    /// Whether it is still to part from the peer: a writer may be at it, or the strategy
    /// is patient.
    pub fn is_still_open(&self) -> bool {
        self.flags.load(SeqCst) & STILL_OPEN != 0
    }

    /// Whether a thread may be blocked in a write to it without anybody's knowing.
    pub fn is_cautious(&self) -> bool {
        self.flags.load(SeqCst) & CAUTIOUS != 0
    }

    /// It may.
    pub fn set_cautious(&self) {
        self.flags.fetch_or(CAUTIOUS, SeqCst);
    }

    /// To part from the peer is left to the drainer; `is_written` says that a writer may
    /// be at it.
    pub fn set_still_open(&self, is_written: bool) {
        self.flags.fetch_or(if is_written { STILL_OPEN | SETTLING } else { STILL_OPEN }, SeqCst);
    }

    /// A thread of the program may be blocked in `recv`: what comes in is its own
    /// as long as it takes it.
    pub fn set_patient(&self) {
        self.flags.fetch_or(PATIENT, SeqCst);
    }

    /// Whether to leave what has come in for a while: until nobody has taken any of
    /// it for 200 ms.
    pub fn is_patient(&self, fd: Fd) -> bool {
        const PATIENCE_MS: u32 = 200;
        if self.flags.load(SeqCst) & PATIENT == 0 || is_at_its_end(fd) {
            return false;
        }
        let now = Millis::now();
        let empty = crate::sys::socket::unread(fd) == 0;
        // While the drainer has it, `next` links nothing: what was taken so far, as
        // long as something is queued. So data after a pause is news.
        let consumed = crate::sys::socket::consumed(fd) as u32;
        let before = self.next.swap(if empty { u32::MAX } else { consumed }, SeqCst);
        if before != consumed && !(empty && before == u32::MAX) {
            self.last.store(now.0, Relaxed);
        }
        let waiting = now.since(Millis(self.last.load(Relaxed))) < PATIENCE_MS;
        if !waiting && !empty {
            self.flags.fetch_and(!PATIENT, SeqCst);
        }
        waiting
    }

    /// Parts from the peer if every writer is done by now; false where one may not be.
    pub fn settle(&self, fd: Fd) -> bool {
        let settled = self.flags.load(SeqCst) & SETTLING == 0 || self.is_settled(fd);
        if settled {
            self.goodbye().part(fd);
            self.flags.fetch_and(!STILL_OPEN, SeqCst);
        }
        settled
    }

    fn is_settled(&self, fd: Fd) -> bool {
        let mut settling = Settling::from_word(self.settling.load(Relaxed));
        let settled = settling.is_settled(fd, self.is_cautious());
        self.settling.store(settling.word(), Relaxed);
        settled
    }

    /// How far the drain has come.
    pub fn progress(&self) -> Progress {
        Progress {
            begun: Millis(self.begun.load(Relaxed)),
            last: Millis(self.last.load(Relaxed)),
            discarded: self.discarded.load(Relaxed),
        }
    }

    /// Stores it.
    pub fn set_progress(&self, progress: Progress) {
        self.begun.store(progress.begun.0, Relaxed);
        self.last.store(progress.last.0, Relaxed);
        self.discarded.store(progress.discarded, Relaxed);
    }

    /// The socket is the program's own again.
    pub fn forget(&self) {
        self.cookie.store(0, SeqCst);
    }

    /// Notes the private descriptor, once it exists.
    pub fn set_fd(&self, fd: Option<Fd>) {
        self.fd.store(fd.map_or(-1, Fd::raw), SeqCst);
    }

    /// Fills a claimed slot, before its descriptor exists.
    pub fn fill(&self, cookie: u64, role: Role, strategy: Strategy) {
        self.cookie.store(cookie, SeqCst);
        self.settling.store(0, Relaxed);
        let role = if role == Role::Connected { CONNECTED } else { 0 };
        self.flags.store(role | (strategy as u32) << STRATEGY_SHIFT, SeqCst);
        self.set_progress(Progress::begin(Millis::now()));
    }
}

/// Whether nothing is queued and nothing can come any more, so that there is only
/// the end to be read. Where something can, it might come, and be the program's,
/// between a look at the queue and the discarding.
fn is_at_its_end(fd: Fd) -> bool {
    use crate::sys::socket::{tcp_info, unread};
    unread(fd) == 0 && !tcp_info(fd).is_ok_and(|info| Phase::of(info.state) == Phase::Open)
}

/// All places.
pub struct Slots {
    slots: Region<Slot>,
    free: Stack,
    /// Places below have been used before.
    touched: AtomicU32,
    offers: Inbox,
}

impl Slots {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self {
            slots: Region::new(Sharing::Private),
            free: Stack::new(),
            touched: AtomicU32::new(0),
            offers: Inbox::new(),
        }
    }

    /// Maps room for `len` sockets.
    pub fn ensure(&self, len: usize) -> bool {
        self.slots.ensure(len)
    }

    /// The slot at a place.
    pub fn at(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place.index())
    }

    /// The place with this index, if it has been used.
    pub fn place(&self, index: u32) -> Option<Place> {
        (index < self.touched.load(SeqCst)).then_some(Place::new(index))
    }

    /// Takes a free place. `None` where all are taken.
    pub fn claim(&self) -> Option<Place> {
        let place = self.free.pop(|place| self.next_of(place)).or_else(|| self.touch())?;
        let slot = self.at(place)?;
        slot.set_fd(None);
        slot.in_use.store(Use::Claimed as u32, SeqCst);
        Some(place)
    }

    fn next_of(&self, place: Place) -> Option<&AtomicU32> {
        self.at(place).map(|slot| &slot.next)
    }

    fn touch(&self) -> Option<Place> {
        let len = self.slots.len() as u32;
        let update = |touched| (touched < len).then_some(touched + 1);
        self.touched.fetch_update(SeqCst, SeqCst, update).ok().map(Place::new)
    }

    /// Gives a place back.
    pub fn free(&self, place: Place) {
        let Some(slot) = self.at(place) else { return };
        slot.set_fd(None);
        slot.in_use.store(Use::Free as u32, SeqCst);
        self.free.push(place, &slot.next);
    }

    /// Hands a filled place to the drainer.
    pub fn offer(&self, place: Place) {
        let Some(slot) = self.at(place) else { return };
        slot.in_use.store(Use::Offered as u32, SeqCst);
        self.offers.put(place, &slot.next);
    }

    /// Takes all offers, latest first, and calls `adopt` for each.
    pub fn take_offers(&self, mut adopt: impl FnMut(Place, &Slot)) {
        self.offers.take(
            |place| self.next_of(place),
            |place| {
                if let Some(slot) = self.at(place) {
                    adopt(place, slot);
                }
            },
        );
    }

    /// Every place that was offered, adopted or not.
    pub fn offered(&self) -> impl Iterator<Item = (Place, &Slot)> {
        let places = (0..self.touched.load(SeqCst)).map(Place::new);
        places.filter_map(|place| Some((place, self.at(place)?))).filter(|(_, slot)| slot.is_offered())
    }

    /// Whether `fd` is one of our private descriptors.
    pub fn owns(&self, fd: Fd, guess: usize) -> bool {
        // Verified: the program may have put something of its own there.
        let is_it = |slot: &Slot| slot.fd() == Some(fd) && slot.verified().is_some();
        let touched = self.touched.load(SeqCst) as usize;
        self.slots.get(guess).is_some_and(is_it) || (0..touched).any(|index| self.slots.get(index).is_some_and(is_it))
    }

    /// The lowest of our private descriptors that is `from` or more.
    pub fn next_number(&self, from: u32) -> Option<Fd> {
        let touched = self.touched.load(SeqCst) as usize;
        let slots = || (0..touched).filter_map(|index| self.slots.get(index));
        let mut from = Fd::new(from as i32)?;
        loop {
            let lowest = slots().filter_map(Slot::fd).filter(|&fd| fd >= from).min()?;
            // Only what is asked for is verified: that takes a system call.
            if slots().any(|slot| slot.fd() == Some(lowest) && slot.verified().is_some()) {
                return Some(lowest);
            }
            from = Fd::new(lowest.raw().checked_add(1)?)?;
        }
    }

    /// In a fork child: closes every copy of a private descriptor, and begins
    /// afresh. `number_of` says which number a place asks for, for those whose
    /// descriptor was just being made when another thread forked; and for those that
    /// had just ended: a fork copies the descriptors first, and the memory later.
    pub fn abandon_all(&self, number_of: impl Fn(usize) -> i32) {
        for index in 0..self.touched.load(SeqCst) as usize {
            let Some(slot) = self.slots.get(index) else { break };
            slot.in_use.store(Use::Free as u32, SeqCst);
            if slot.fd().is_none() {
                slot.set_fd(Fd::new(number_of(index)));
            }
            if let Some(fd) = slot.verified() {
                fd.close();
            }
            slot.set_fd(None);
        }
        self.free.forget();
        self.touched.store(0, SeqCst);
        self.offers.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(len: usize) -> Slots {
        let slots = Slots::new();
        assert!(slots.ensure(len));
        slots
    }

    #[test]
    fn a_slot_is_one_cache_line() {
        assert_eq!(size_of::<Slot>(), 64);
    }

    #[test]
    fn a_slot_remembers_its_role_and_strategy() {
        let slots = slots(1);
        let slot = slots.at(slots.claim().unwrap()).unwrap();
        for strategy in crate::settings::strategy::STRATEGIES {
            slot.fill(7, Role::Connected, strategy);
            slot.set_still_open(true);
            slot.set_patient();
            slot.set_cautious();
            assert_eq!((slot.role(), slot.goodbye().name()), (Role::Connected, strategy));
        }
        slot.fill(7, Role::Accepted, Strategy::Wait);
        assert_eq!((slot.role(), slot.is_still_open()), (Role::Accepted, false));
    }

    #[test]
    fn places_run_out_and_come_back() {
        let slots = slots(2);
        let one = slots.claim().unwrap();
        let two = slots.claim().unwrap();
        assert_eq!(slots.claim(), None);
        slots.free(one);
        assert_eq!(slots.claim(), Some(one));
        slots.free(two);
        assert_eq!(slots.claim(), Some(two));
    }

    #[test]
    fn every_offer_is_taken_once() {
        let slots = slots(4);
        let places: Vec<_> = (0..4).map(|_| slots.claim().unwrap()).collect();
        places.iter().for_each(|&place| slots.offer(place));
        let mut taken = Vec::new();
        slots.take_offers(|place, _| taken.push(place));
        taken.reverse();
        assert_eq!(taken, places);
        slots.take_offers(|_, _| panic!("taken twice"));
    }

    #[test]
    fn threads_never_share_a_place() {
        const ROUNDS: u64 = if cfg!(miri) { 50 } else { 2000 };
        let slots = slots(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        let Some(place) = slots.claim() else { continue };
                        let slot = slots.at(place).unwrap();
                        slot.cookie.store(round, SeqCst);
                        assert_eq!(slot.cookie.swap(u64::MAX, SeqCst), round);
                        slots.free(place);
                    }
                });
            }
        });
    }
}
