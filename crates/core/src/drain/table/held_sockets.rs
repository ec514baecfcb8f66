//! The table of all held sockets.
//!
//! A hook claims a place, fills it and offers it; the drainer adopts what was offered, and
//! frees the place at the end. Free and offered places are lock-free lists through the table.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free. No allocation but for
//! the mapping of the table ([`HeldSockets::ensure`]).

use super::free_list::FreeList;
use super::held_socket::{HeldSocket, Use};
use super::inbox::Inbox;
use super::number_owners::{NumberOwners, Ownership};
use super::place::Place;
use crate::log::note::Note;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::Region;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// All held sockets of one process.
pub struct HeldSockets {
    sockets: Region<HeldSocket>,
    /// What a log line will say of each; mapped only where lines are wanted.
    notes: Region<Note>,
    free: FreeList,
    /// Places from this index on have never been used.
    touched: AtomicU32,
    offers: Inbox,
    owners: NumberOwners,
    /// How many closes wait, as `SO_LINGER{1,n}` asks.
    lingering: AtomicU32,
}

impl HeldSockets {
    /// No socket, and no memory yet.
    pub const fn new() -> Self {
        Self {
            sockets: Region::new(),
            notes: Region::new(),
            free: FreeList::new(),
            touched: AtomicU32::new(0),
            offers: Inbox::new(),
            owners: NumberOwners::new(),
            lingering: AtomicU32::new(0),
        }
    }

    /// Maps room for `len` sockets; false where there is no memory.
    pub fn ensure(&self, len: usize) -> bool {
        self.owners.ensure() && self.sockets.ensure(len)
    }

    /// Maps room for `len` notes. Without memory there are none.
    pub fn ensure_notes(&self, len: usize) {
        self.notes.ensure(len);
    }

    /// The held socket at a place.
    pub fn at(&self, place: Place) -> Option<&HeldSocket> {
        self.sockets.get(place.index())
    }

    /// What a log line will say of the socket at a place; `None` where no line is wanted.
    pub fn note(&self, place: Place) -> Option<&Note> {
        self.notes.get(place.index())
    }

    /// The place with this index, if it has ever been used.
    pub fn place(&self, index: u32) -> Option<Place> {
        (index < self.touched.load(SeqCst)).then_some(Place::new(index))
    }

    /// Takes a free place. `None` where all are taken.
    pub fn claim(&self) -> Option<Place> {
        let place = self.free.pop(|place| self.next_of(place)).or_else(|| self.touch())?;
        let held = self.at(place)?;
        held.unset_fd();
        held.in_use.store(Use::Claimed as u8, SeqCst);
        Some(place)
    }

    fn next_of(&self, place: Place) -> Option<&AtomicU32> {
        self.at(place).map(|held| &held.next)
    }

    fn touch(&self) -> Option<Place> {
        let len = self.sockets.len() as u32;
        let update = |touched| (touched < len && self.at(Place::new(touched)).is_some()).then_some(touched + 1);
        self.touched.fetch_update(SeqCst, SeqCst, update).ok().map(Place::new)
    }

    /// Gives a place back.
    pub fn free(&self, place: Place) {
        let Some(held) = self.at(place) else { return };
        self.take_back_number(place, held);
        held.in_use.store(Use::Free as u8, SeqCst);
        self.free.push(place, &held.next);
    }

    /// Hands a filled place to the drainer.
    pub fn offer(&self, place: Place) {
        let Some(held) = self.at(place) else { return };
        held.in_use.store(Use::Offered as u8, SeqCst);
        self.offers.put(place, &held.next);
    }

    /// Whether there is an offer.
    pub fn has_offers(&self) -> bool {
        self.offers.is_any()
    }

    /// Takes all offers, and calls `adopt` for each, the latest first.
    pub fn take_offers(&self, mut adopt: impl FnMut(Place, &HeldSocket)) {
        self.offers.take(
            |place| self.next_of(place),
            |place| {
                if let Some(held) = self.at(place) {
                    adopt(place, held);
                }
            },
        );
    }

    /// Every socket that hooks have handed over: offered, adopted or lingering.
    pub fn handed_over(&self) -> impl Iterator<Item = (Place, &HeldSocket)> {
        self.touched().filter(|(_, held)| held.is_handed_over())
    }

    /// Every place that has ever been used, free or not.
    fn touched(&self) -> impl Iterator<Item = (Place, &HeldSocket)> {
        let places = (0..self.touched.load(SeqCst)).map(Place::new);
        places.filter_map(|place| Some((place, self.at(place)?)))
    }

    /// How many closes wait, as `SO_LINGER{1,n}` asks.
    pub fn lingering(&self) -> u32 {
        self.lingering.load(SeqCst)
    }

    /// A close waits from now on, at most `until` then.
    pub fn begin_lingering(&self, held: &HeldSocket, until: Millis) {
        self.lingering.fetch_add(1, SeqCst);
        held.begin_lingering(until);
    }

    /// A close does not wait any more. False where another thread has noted that already.
    pub fn end_lingering(&self, held: &HeldSocket) -> bool {
        let is_first = held.end_lingering(Millis::now());
        if is_first {
            self.lingering.fetch_sub(1, SeqCst);
        }
        is_first
    }
}

/// Private numbers.
impl HeldSockets {
    /// From now on `fd` is the private number of a place.
    pub fn give_number(&self, place: Place, fd: Fd) {
        let Some(held) = self.at(place) else { return };
        self.owners.give(fd, place);
        held.set_fd(fd);
    }

    fn take_back_number(&self, place: Place, held: &HeldSocket) {
        if let Some(fd) = held.fd() {
            self.owners.take_back(fd, place);
        }
        held.unset_fd();
    }

    /// Whether `fd` is a private number, and still is our socket: the program may have put
    /// something of its own there. Takes a system call only where the number may be private.
    pub fn owns(&self, fd: Fd) -> bool {
        let is_it = |held: &HeldSocket| held.fd() == Some(fd) && held.verified().is_some();
        match self.owners.owner(fd) {
            Ownership::NotPrivate => false,
            Ownership::Of(place) => self.at(place).is_some_and(is_it),
            Ownership::Unknown => self.touched().any(|(_, held)| is_it(held)),
        }
    }

    /// The lowest private number that is `from` or more.
    pub fn next_number(&self, from: u32) -> Option<Fd> {
        let sockets = || self.touched().map(|(_, held)| held);
        let mut from = Fd::new(from as i32)?;
        loop {
            let lowest = sockets().filter_map(HeldSocket::fd).filter(|&fd| fd >= from).min()?;
            // Only the answer is verified: that takes a system call.
            if sockets().any(|held| held.fd() == Some(lowest) && held.verified().is_some()) {
                return Some(lowest);
            }
            from = Fd::new(lowest.raw().checked_add(1)?)?;
        }
    }

    /// To be called in a fork child: closes its copy of every private descriptor, and empties
    /// the table. `before_close` is called with each private number before.
    ///
    /// A fork copies the descriptors first and the memory later. A duplicate that another
    /// thread was making meanwhile may have no number in the table yet: it is looked for on the
    /// numbers that the place asks for (`numbers_of`). One that another thread has just closed
    /// may have no number in the table any more: it is looked for on the former number.
    pub fn abandon_all(&self, numbers_of: impl Fn(usize) -> [Option<i32>; 2], before_close: impl Fn(Fd)) {
        for (place, held) in self.touched() {
            held.in_use.store(Use::Free as u8, SeqCst);
            let asked = || numbers_of(place.index()).map(|number| number.and_then(Fd::new));
            let unknown = || {
                let [low, high] = asked();
                [held.former_fd(), low, high]
            };
            let numbers = held.fd().map_or_else(unknown, |fd| [Some(fd), None, None]);
            held.fd().into_iter().for_each(&before_close);
            if let Some(fd) = numbers.into_iter().flatten().find(|&fd| held.is_on(fd)) {
                fd.close();
            }
            self.take_back_number(place, held);
        }
        self.forget();
    }

    /// To be called in a fork child whose parent held nothing: empties the table, and touches none of its pages.
    pub fn forget(&self) {
        self.free.forget();
        self.touched.store(0, SeqCst);
        self.offers.forget();
        self.lingering.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Strategy;
    use crate::sys::clock::Millis;
    use crate::sys::socket::Role;
    use std::os::fd::AsRawFd;

    fn table(len: usize) -> HeldSockets {
        let sockets = HeldSockets::new();
        assert!(sockets.ensure(len));
        sockets
    }

    #[test]
    fn places_run_out_and_come_back() {
        let sockets = table(2);
        let one = sockets.claim().unwrap();
        let two = sockets.claim().unwrap();
        assert_eq!(sockets.claim(), None);
        sockets.free(one);
        assert_eq!(sockets.claim(), Some(one));
        sockets.free(two);
        assert_eq!(sockets.claim(), Some(two));
    }

    #[test]
    fn every_offer_is_taken_once() {
        let sockets = table(4);
        let places: Vec<_> = (0..4).map(|_| sockets.claim().unwrap()).collect();
        places.iter().for_each(|&place| sockets.offer(place));
        let mut taken = Vec::new();
        sockets.take_offers(|place, _| taken.push(place));
        taken.reverse();
        assert_eq!(taken, places);
        sockets.take_offers(|_, _| panic!("taken twice"));
    }

    /// Between the copy of the descriptors and that of the memory the drainer has ended the
    /// socket. Its number was not the one that the place had asked for.
    #[test]
    #[cfg_attr(miri, ignore = "sockets")]
    fn a_fork_child_closes_a_duplicate_that_its_parent_has_just_closed() {
        let sockets = table(1);
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = Fd::new(socket.as_raw_fd()).unwrap();
        let cookie = crate::sys::socket::cookie(fd).unwrap();
        let copy = fd.duplicate_from(900).unwrap();
        let place = sockets.claim().unwrap();
        sockets.at(place).unwrap().fill(cookie, fd, Role::Accepted, Strategy::Drain, Millis(1));
        sockets.give_number(place, copy);
        sockets.free(place);
        sockets.abandon_all(|_| [Some(800), None], |_| ());
        assert_eq!(crate::sys::socket::cookie(copy), None);
    }

    #[test]
    fn threads_never_share_a_place() {
        const ROUNDS: u64 = if cfg!(miri) { 50 } else { 2000 };
        let sockets = table(64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        let Some(place) = sockets.claim() else { continue };
                        let held = sockets.at(place).unwrap();
                        held.cookie.store(round, SeqCst);
                        assert_eq!(held.cookie.swap(u64::MAX, SeqCst), round);
                        sockets.free(place);
                    }
                });
            }
        });
    }
}
