//! The offered places: a list through their own links, taken as a whole.
//!
//! Nobody takes a single place off it, so that it needs no tag: whoever finds the
//! first place unchanged may put another in front of it, whatever happened
//! meanwhile.
//!
//! Context: any hook offers, the drainer takes; lock-free.

use super::place::Place;
use crate::sync::{AtomicU32, SeqCst};

/// Link of the latest offer.
pub struct Inbox(AtomicU32);

impl Inbox {
    /// No offers.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Adds an offer; `next` is the link of the place.
    pub fn put(&self, place: Place, next: &AtomicU32) {
        let mut head = self.0.load(SeqCst);
        loop {
            next.store(head, SeqCst);
            match self.0.compare_exchange(head, place.link(), SeqCst, SeqCst) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes all offers, latest first; `next_of` finds the link of a place.
    pub fn take<'a>(&self, next_of: impl Fn(Place) -> Option<&'a AtomicU32>, mut adopt: impl FnMut(Place)) {
        let mut link = self.0.swap(0, SeqCst);
        while let Some(place) = Place::from_link(link) {
            let Some(next) = next_of(place) else { return };
            // Before `adopt`, which may free the place and so change the link.
            link = next.load(SeqCst);
            adopt(place);
        }
    }

    /// Whether there is an offer.
    pub fn is_any(&self) -> bool {
        self.0.load(SeqCst) != 0
    }

    /// In a fork child: nobody offers.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}
