//! Held sockets in an order: a doubly linked list through the slots.
//!
//! Two such queues say whose bound is next without looking at all of them: by
//! the peer's last sign, and by the drain's beginning. Both limits are the same
//! for all sockets, so "longest ago" is "first to end".
//!
//! Context: the drainer's thread only.

use super::place::Place;
use super::slot::{Links, Slot};
use super::slots::Slots;
use core::sync::atomic::Ordering::Relaxed;

/// First and last place of an order; which links it uses is `links`.
pub struct Queue {
    first: Option<Place>,
    last: Option<Place>,
    links: fn(&Slot) -> &Links,
}

impl Queue {
    /// An empty queue through these links.
    pub fn new(links: fn(&Slot) -> &Links) -> Self {
        Self { first: None, last: None, links }
    }

    /// The one that has waited longest.
    pub fn first(&self) -> Option<Place> {
        self.first
    }

    /// The one behind `place`.
    pub fn after(&self, slots: &Slots, place: Place) -> Option<Place> {
        Place::from_short_link((self.links)(slots.at(place)?).after.load(Relaxed))
    }

    /// The one that was added last.
    pub fn last(&self) -> Option<Place> {
        self.last
    }

    /// The one in front of `place`.
    pub fn before(&self, slots: &Slots, place: Place) -> Option<Place> {
        Place::from_short_link((self.links)(slots.at(place)?).before.load(Relaxed))
    }

    /// Adds a place at the end.
    pub fn push(&mut self, slots: &Slots, place: Place) {
        self.tie(slots, self.last, Some(place));
        self.tie(slots, Some(place), None);
    }

    /// Takes a place out, wherever it is.
    pub fn remove(&mut self, slots: &Slots, place: Place) {
        let Some(slot) = slots.at(place) else { return };
        let links = (self.links)(slot);
        let before = Place::from_short_link(links.before.load(Relaxed));
        let after = Place::from_short_link(links.after.load(Relaxed));
        self.tie(slots, before, after);
    }

    /// Makes `left` and `right` neighbours; `None` is the end of the queue.
    fn tie(&mut self, slots: &Slots, left: Option<Place>, right: Option<Place>) {
        match left.and_then(|place| slots.at(place)) {
            Some(slot) => (self.links)(slot).after.store(link_to(right), Relaxed),
            None => self.first = right,
        }
        match right.and_then(|place| slots.at(place)) {
            Some(slot) => (self.links)(slot).before.store(link_to(left), Relaxed),
            None => self.last = left,
        }
    }
}

fn link_to(place: Option<Place>) -> u16 {
    place.map_or(0, Place::short_link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(queue: &Queue, slots: &Slots) -> Vec<usize> {
        std::iter::successors(queue.first(), |&place| queue.after(slots, place)).map(Place::index).collect()
    }

    #[test]
    fn places_leave_from_any_position() {
        let slots = Slots::new();
        assert!(slots.ensure(4));
        let places: Vec<_> = (0..4).map(|_| slots.claim().unwrap()).collect();
        let mut queue = Queue::new(|slot| &slot.by_age);
        places.iter().for_each(|&place| queue.push(&slots, place));
        assert_eq!(order(&queue, &slots), [0, 1, 2, 3]);
        queue.remove(&slots, places[1]);
        queue.remove(&slots, places[3]);
        queue.remove(&slots, places[0]);
        assert_eq!(order(&queue, &slots), [2]);
        queue.push(&slots, places[0]);
        assert_eq!(order(&queue, &slots), [2, 0]);
        queue.remove(&slots, places[2]);
        queue.remove(&slots, places[0]);
        assert_eq!(order(&queue, &slots), [0usize; 0]);
    }
}
