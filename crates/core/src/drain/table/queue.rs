//! Held sockets in an order: a doubly linked list through the held sockets themselves.
//!
//! Two such queues tell which socket reaches a limit next, without a look at all of them: one
//! in the order of the last sign of the peer, one in the order in which the drains began. Both
//! limits are the same for all sockets, so the first of a queue is the first to end.
//!
//! Context: the drainer only.

use super::held_socket::{HeldSocket, Links};
use super::held_sockets::HeldSockets;
use super::place::Place;
use core::sync::atomic::Ordering::Relaxed;

/// The first and the last place of an order. Each held socket has links for several queues;
/// `links` chooses those of this one.
pub struct Queue {
    first: Option<Place>,
    last: Option<Place>,
    links: fn(&HeldSocket) -> &Links,
}

impl Queue {
    /// An empty queue through these links.
    pub fn new(links: fn(&HeldSocket) -> &Links) -> Self {
        Self { first: None, last: None, links }
    }

    /// The place that has been in the queue for the longest time.
    pub fn first(&self) -> Option<Place> {
        self.first
    }

    /// The place behind `place`.
    pub fn after(&self, sockets: &HeldSockets, place: Place) -> Option<Place> {
        Place::from_short_link((self.links)(sockets.at(place)?).after.load(Relaxed))
    }

    /// Adds a place at the end.
    pub fn push(&mut self, sockets: &HeldSockets, place: Place) {
        self.tie(sockets, self.last, Some(place));
        self.tie(sockets, Some(place), None);
    }

    /// Takes a place out, wherever in the queue it is.
    pub fn remove(&mut self, sockets: &HeldSockets, place: Place) {
        let Some(held) = sockets.at(place) else { return };
        let links = (self.links)(held);
        let before = Place::from_short_link(links.before.load(Relaxed));
        let after = Place::from_short_link(links.after.load(Relaxed));
        self.tie(sockets, before, after);
    }

    /// Makes `left` and `right` neighbours; `None` is the end of the queue.
    fn tie(&mut self, sockets: &HeldSockets, left: Option<Place>, right: Option<Place>) {
        match left.and_then(|place| sockets.at(place)) {
            Some(held) => (self.links)(held).after.store(link_to(right), Relaxed),
            None => self.first = right,
        }
        match right.and_then(|place| sockets.at(place)) {
            Some(held) => (self.links)(held).before.store(link_to(left), Relaxed),
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

    fn order(queue: &Queue, sockets: &HeldSockets) -> Vec<usize> {
        std::iter::successors(queue.first(), |&place| queue.after(sockets, place)).map(Place::index).collect()
    }

    #[test]
    fn places_leave_from_any_position() {
        let sockets = HeldSockets::new();
        assert!(sockets.ensure(4));
        let places: Vec<_> = (0..4).map(|_| sockets.claim().unwrap()).collect();
        let mut queue = Queue::new(|held| &held.by_age);
        places.iter().for_each(|&place| queue.push(&sockets, place));
        assert_eq!(order(&queue, &sockets), [0, 1, 2, 3]);
        queue.remove(&sockets, places[1]);
        queue.remove(&sockets, places[3]);
        queue.remove(&sockets, places[0]);
        assert_eq!(order(&queue, &sockets), [2]);
        queue.push(&sockets, places[0]);
        assert_eq!(order(&queue, &sockets), [2, 0]);
        queue.remove(&sockets, places[2]);
        queue.remove(&sockets, places[0]);
        assert_eq!(order(&queue, &sockets), [0usize; 0]);
    }
}
