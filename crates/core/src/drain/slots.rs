//! The table of all held sockets.
//!
//! A hook claims a slot, fills it and offers it; the drainer adopts what was
//! offered. Both directions are lock-free lists through the slots.
//!
//! Context: any hook; lock-free, no allocation once the table is mapped.

use super::inbox::Inbox;
use super::numbers::{Known, Numbers};
use super::place::Place;
use super::slot::{Slot, Use};
use super::stack::Stack;
use crate::sys::Fd;
use crate::sys::region::Region;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// All places.
pub struct Slots {
    slots: Region<Slot>,
    free: Stack,
    /// Places below have been used before.
    touched: AtomicU32,
    offers: Inbox,
    numbers: Numbers,
}

impl Slots {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self {
            slots: Region::new(),
            free: Stack::new(),
            touched: AtomicU32::new(0),
            offers: Inbox::new(),
            numbers: Numbers::new(),
        }
    }

    /// Maps room for `len` sockets.
    pub fn ensure(&self, len: usize) -> bool {
        self.numbers.ensure() && self.slots.ensure(len)
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
        slot.unset_fd();
        slot.in_use.store(Use::Claimed as u8, SeqCst);
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
        self.take_back(place, slot);
        slot.in_use.store(Use::Free as u8, SeqCst);
        self.free.push(place, &slot.next);
    }

    /// Hands a filled place to the drainer.
    pub fn offer(&self, place: Place) {
        let Some(slot) = self.at(place) else { return };
        slot.in_use.store(Use::Offered as u8, SeqCst);
        self.offers.put(place, &slot.next);
    }

    /// Whether there is an offer.
    pub fn has_offers(&self) -> bool {
        self.offers.is_any()
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
        self.touched().filter(|(_, slot)| slot.is_offered())
    }

    /// `fd` is the private descriptor of a place from now on.
    pub fn give(&self, place: Place, fd: Fd) {
        let Some(slot) = self.at(place) else { return };
        self.numbers.give(fd, place);
        slot.set_fd(fd);
    }

    fn take_back(&self, place: Place, slot: &Slot) {
        if let Some(fd) = slot.fd() {
            self.numbers.take_back(fd, place);
        }
        slot.unset_fd();
    }

    /// Whether `fd` is one of our private descriptors.
    pub fn owns(&self, fd: Fd) -> bool {
        // Verified: the program may have put something of its own there.
        let is_it = |slot: &Slot| slot.fd() == Some(fd) && slot.verified().is_some();
        match self.numbers.owner(fd) {
            Known::No => false,
            Known::To(place) => self.at(place).is_some_and(is_it),
            Known::Nothing => self.touched().any(|(_, slot)| is_it(slot)),
        }
    }

    /// The places that have been used, and are perhaps.
    fn touched(&self) -> impl Iterator<Item = (Place, &Slot)> {
        let places = (0..self.touched.load(SeqCst)).map(Place::new);
        places.filter_map(|place| Some((place, self.at(place)?)))
    }

    /// The lowest of our private descriptors that is `from` or more.
    pub fn next_number(&self, from: u32) -> Option<Fd> {
        let slots = || self.touched().map(|(_, slot)| slot);
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
    /// afresh. `numbers_of` says which numbers a place asks for, for those whose
    /// descriptor was just being made when another thread forked; those that had just
    /// ended know their own: a fork copies the descriptors first, and the memory later. Each
    /// number is `left` first.
    pub fn abandon_all(&self, numbers_of: impl Fn(usize) -> [Option<i32>; 2], left: impl Fn(Fd)) {
        for (place, slot) in self.touched() {
            slot.in_use.store(Use::Free as u8, SeqCst);
            let asked = || numbers_of(place.index()).map(|number| number.and_then(Fd::new));
            let unknown = || {
                let [low, high] = asked();
                [slot.former(), low, high]
            };
            let numbers = slot.fd().map_or_else(unknown, |fd| [Some(fd), None, None]);
            slot.fd().into_iter().for_each(&left);
            if let Some(fd) = numbers.into_iter().flatten().find(|&fd| slot.is_on(fd)) {
                fd.close();
            }
            self.take_back(place, slot);
        }
        self.free.forget();
        self.touched.store(0, SeqCst);
        self.offers.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Strategy;
    use crate::sys::clock::Millis;
    use crate::sys::socket::Role;
    use std::os::fd::AsRawFd;

    fn slots(len: usize) -> Slots {
        let slots = Slots::new();
        assert!(slots.ensure(len));
        slots
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

    /// The descriptors of a fork child are copied before its memory is: in between the
    /// thread ended it, and its number was not the one that the place had asked for.
    #[test]
    #[cfg_attr(miri, ignore = "sockets")]
    fn a_fork_child_closes_what_had_just_ended_on_a_number_further_on() {
        let slots = slots(1);
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = Fd::new(socket.as_raw_fd()).unwrap();
        let cookie = crate::sys::socket::cookie(fd).unwrap();
        let copy = fd.duplicate_from(900).unwrap();
        let place = slots.claim().unwrap();
        slots.at(place).unwrap().fill(cookie, fd, Role::Accepted, Strategy::Drain, Millis(1));
        slots.give(place, copy);
        slots.free(place);
        slots.abandon_all(|_| [Some(800), None], |_| ());
        assert_eq!(crate::sys::socket::cookie(copy), None);
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
