//! The free places: a stack through the links of the places themselves.
//!
//! Many threads take. One that has read the top place and the link behind it may
//! be overtaken, and find the same place on top again with another one behind it
//! (ABA). So every change raises a tag beside the link of the top.
//!
//! Context: any hook; lock-free.

use super::place::Place;
use crate::sync::{AtomicU32, AtomicU64, SeqCst};

/// Tag in the upper half, link of the top place in the lower.
pub struct Stack(AtomicU64);

impl Stack {
    /// Nothing on it.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Puts a place on top; `next` is its link.
    pub fn push(&self, place: Place, next: &AtomicU32) {
        let mut head = self.0.load(SeqCst);
        loop {
            next.store(head as u32, SeqCst);
            match self.0.compare_exchange(head, retag(head, place.link()), SeqCst, SeqCst) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the place on top; `next_of` finds the link of a place.
    pub fn pop<'a>(&self, next_of: impl Fn(Place) -> Option<&'a AtomicU32>) -> Option<Place> {
        let mut head = self.0.load(SeqCst);
        loop {
            let place = Place::from_link(head as u32)?;
            let next = next_of(place)?.load(SeqCst);
            match self.0.compare_exchange(head, retag(head, next), SeqCst, SeqCst) {
                Ok(_) => return Some(place),
                Err(now) => head = now,
            }
        }
    }

    /// In a fork child: nothing is on it.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}

fn retag(head: u64, link: u32) -> u64 {
    (head & !0xffff_ffff).wrapping_add(1 << 32) | u64::from(link)
}
