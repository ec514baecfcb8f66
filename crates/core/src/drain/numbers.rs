//! Whose each private number is: so that a close of one of the program's own numbers does
//! not look through all places, however high it is and however many are held.
//!
//! A number is private to a place from when its duplicate exists until the place is free.
//! By then it is closed, and may be another place's already: a place takes back only what
//! is its own.
//!
//! Context: any hook, and the drainer's thread; lock-free.

use super::place::Place;
use crate::sys::Fd;
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicU16, Ordering::SeqCst};

zeroed! {
    /// The link of a place.
    struct Link(AtomicU16);
}

/// The largest `fs.nr_open` that is usual. Of numbers beyond, which may be private all the
/// same, nothing is known.
const MOST: usize = 1 << 20;

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is not private.
    No,
    /// It is, or has just been, private to this place.
    To(Place),
    /// Nothing.
    Nothing,
}

/// All numbers.
pub struct Numbers(Region<Link>);

impl Numbers {
    /// None private, and no memory.
    pub const fn new() -> Self {
        Self(Region::new())
    }

    /// Maps the memory.
    pub fn ensure(&self) -> bool {
        self.0.ensure(MOST)
    }

    /// Whose `fd` is.
    pub fn owner(&self, fd: Fd) -> Known {
        match self.link(fd) {
            None if fd.index() >= MOST => Known::Nothing,
            None => Known::No,
            Some(link) => Place::from_short_link(link.load(SeqCst)).map_or(Known::No, Known::To),
        }
    }

    /// `fd` is private to this place from now on.
    pub fn give(&self, fd: Fd, place: Place) {
        if let Some(link) = self.link(fd) {
            link.store(place.short_link(), SeqCst);
        }
    }

    /// `fd` is not private to this place any more.
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

    fn numbers() -> Numbers {
        let numbers = Numbers::new();
        assert!(numbers.ensure());
        numbers
    }

    #[test]
    fn a_number_is_private_until_it_is_taken_back() {
        let numbers = numbers();
        numbers.give(fd(8200), Place::new(0));
        assert_eq!((numbers.owner(fd(8200)), numbers.owner(fd(8201))), (Known::To(Place::new(0)), Known::No));
        numbers.take_back(fd(8200), Place::new(0));
        assert_eq!(numbers.owner(fd(8200)), Known::No);
    }

    #[test]
    fn a_place_does_not_take_back_what_is_anothers_by_now() {
        let numbers = numbers();
        numbers.give(fd(1030), Place::new(1));
        numbers.give(fd(1030), Place::new(2));
        numbers.take_back(fd(1030), Place::new(1));
        assert_eq!(numbers.owner(fd(1030)), Known::To(Place::new(2)));
    }

    #[test]
    fn of_numbers_beyond_nothing_is_known() {
        assert_eq!(numbers().owner(fd(MOST as i32)), Known::Nothing);
    }
}
