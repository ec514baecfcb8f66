//! Which place a private descriptor number belongs to.
//!
//! Before each close a hook asks whether the number is private. This table answers with one
//! load, however high the number is and however many sockets are held.
//!
//! A number belongs to a place from the moment at which the duplicate exists until the place
//! is freed. By then the number is closed, and may be another place's already: so a place
//! takes back a number only if it still is its own.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use super::place::Place;
use crate::sys::Fd;
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicU16, Ordering::SeqCst};

zeroed! {
    /// The short link to a place; 0: the number is not private.
    struct Link(AtomicU16);
}

/// How many numbers the table covers: the default of `fs.nr_open`. Private numbers beyond are
/// possible, and the table does not know them.
const MOST: usize = 1 << 20;

/// What the table says of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The number is not private.
    NotPrivate,
    /// The number is private to this place, or has been until a moment ago.
    Of(Place),
    /// The number is beyond the table, or in a part of it for which there is no memory.
    Unknown,
}

/// The place of each private number; 2 MiB of address space, of which only what is used takes
/// memory.
pub struct NumberOwners(Region<Link>);

impl NumberOwners {
    /// No private number, and no memory yet.
    pub const fn new() -> Self {
        Self(Region::new())
    }

    /// Maps the memory; false where there is none.
    pub fn ensure(&self) -> bool {
        self.0.ensure(MOST)
    }

    /// Which place `fd` belongs to.
    pub fn owner(&self, fd: Fd) -> Ownership {
        match self.link(fd) {
            None if self.0.is_empty() => Ownership::NotPrivate,
            None => Ownership::Unknown,
            Some(link) => Place::from_short_link(link.load(SeqCst)).map_or(Ownership::NotPrivate, Ownership::Of),
        }
    }

    /// From now on `fd` belongs to this place.
    pub fn give(&self, fd: Fd, place: Place) {
        if let Some(link) = self.link(fd) {
            link.store(place.short_link(), SeqCst);
        }
    }

    /// From now on `fd` does not belong to this place.
    pub fn take_back(&self, fd: Fd, place: Place) {
        if let Some(link) = self.link(fd) {
            let _ = link.compare_exchange(place.short_link(), 0, SeqCst, SeqCst);
        }
    }

    fn link(&self, fd: Fd) -> Option<&AtomicU16> {
        self.0.get(fd.index()).map(|link| &link.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    fn owners() -> NumberOwners {
        let owners = NumberOwners::new();
        assert!(owners.ensure());
        owners
    }

    #[test]
    fn a_number_is_private_until_it_is_taken_back() {
        let owners = owners();
        owners.give(fd(8200), Place::new(0));
        let seen = [8200, 8201].map(|number| owners.owner(fd(number)));
        assert_eq!(seen, [Ownership::Of(Place::new(0)), Ownership::NotPrivate]);
        owners.take_back(fd(8200), Place::new(0));
        assert_eq!(owners.owner(fd(8200)), Ownership::NotPrivate);
    }

    #[test]
    fn a_place_does_not_take_back_a_number_that_another_place_has_by_now() {
        let owners = owners();
        owners.give(fd(1030), Place::new(1));
        owners.give(fd(1030), Place::new(2));
        owners.take_back(fd(1030), Place::new(1));
        assert_eq!(owners.owner(fd(1030)), Ownership::Of(Place::new(2)));
    }

    #[test]
    fn numbers_beyond_the_table_are_unknown() {
        assert_eq!(owners().owner(fd(MOST as i32)), Ownership::Unknown);
    }
}
