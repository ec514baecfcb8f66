//! The free places of the table: a list through the links of the places themselves.
//!
//! Several threads take places at the same time. A thread that has read the first place and
//! the link behind it may be overtaken: others take that place and give it back, and the
//! thread finds it first again, with another place behind it (the ABA problem). So the head
//! of the list carries a tag, which every change raises.
//!
//! Context: any hook; async-signal-safe and lock-free.

use super::place::Place;
use crate::sync::{AtomicU32, AtomicU64, SeqCst};

/// The free places. The tag is in the upper half of the word, the link to the first place in
/// the lower.
pub struct FreeList(AtomicU64);

impl FreeList {
    /// An empty list.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Puts a place at the front; `next` is where that place keeps its link.
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

    /// Takes the first place; `next_of` finds where a place keeps its link. `None` where no
    /// place is free.
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

    /// Empties the list. To be called in a fork child.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}

/// The head with the next tag and this link.
fn retag(head: u64, link: u32) -> u64 {
    (head & !0xffff_ffff).wrapping_add(1 << 32) | u64::from(link)
}
