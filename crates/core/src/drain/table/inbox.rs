//! The places that hooks have offered to the drainer: a list through the links of the places
//! themselves, which is taken as a whole.
//!
//! No thread takes a single place out of the middle, so the list needs no tag against ABA: a
//! thread that finds the first place unchanged may put another in front of it, whatever has
//! happened meanwhile.
//!
//! Context: any hook offers, the drainer takes; async-signal-safe and lock-free.

use super::place::Place;
use crate::sync::{AtomicU32, SeqCst};

/// The link to the latest offer.
pub struct Inbox(AtomicU32);

impl Inbox {
    /// No offer.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Adds an offer; `next` is where that place keeps its link.
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

    /// Takes all offers and calls `adopt` for each, the latest first; `next_of` finds where a
    /// place keeps its link.
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

    /// Drops all offers. To be called in a fork child.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}
