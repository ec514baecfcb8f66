//! Sockets are given up before their time: more are held than may be, the program needs descriptors
//! or a local port, or there must be no thread of ours.

use super::worker::Worker;
use crate::bounds::End;
use crate::drain::ports::is_in_the_way;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::socket;
use core::sync::atomic::Ordering::SeqCst;

impl Worker {
    /// Ends sockets until no more are held than may be: first those whose peer has acknowledged
    /// everything and is silent, then the oldest.
    pub(super) fn evict(&mut self) {
        let most = self.may_be_held();
        if self.drain.held_sockets() > most {
            self.end_acknowledged(self.by_activity.first(), most, |worker, place| {
                worker.by_activity.after(&worker.drain.sockets, place)
            });
            // Only sockets whose strategy reads are in the first queue.
            self.end_acknowledged(self.by_age.first(), most, Self::after_by_age);
        }
        while self.drain.held_sockets() > most {
            let Some(place) = self.by_age.first() else { return };
            self.end(place, End::Evicted);
        }
    }

    /// How many sockets may be held now.
    fn may_be_held(&self) -> u32 {
        let cap = self.drain.numbers.cap();
        let is_pressed = self.drain.demands.pressed.swap(false, SeqCst);
        match (self.drain.demands.dismissals.is_any(), is_pressed) {
            (true, _) => 0,
            (false, true) => cap.min(self.drain.held_sockets() / 2),
            (false, false) => cap,
        }
    }

    /// Ends the sockets of one order whose peer has acknowledged everything and is silent, until
    /// `most` are held. Where the order begins with many others, only its beginning is looked at.
    fn end_acknowledged(&mut self, first: Option<Place>, most: u32, after: fn(&Self, Place) -> Option<Place>) {
        const OTHERS: u32 = 32;
        let (mut next, mut others) = (first, 0);
        while self.drain.held_sockets() > most
            && others < OTHERS
            && let Some(place) = next
        {
            next = after(self, place);
            let fd = self.at(place).and_then(HeldSocket::fd);
            if fd.is_some_and(|fd| socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0) {
                self.end(place, End::Evicted);
            } else {
                others += 1;
            }
        }
    }

    /// Resets the sockets that keep a port busy for which a hook waits.
    pub(super) fn free_port(&mut self) {
        let wanted = &self.drain.demands.wanted_port;
        let Some(request) = wanted.get() else { return };
        // Offers from before the request count.
        self.adopt();
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.after_by_age(place);
            let Some(held) = self.at(place) else { break };
            if let Some(fd) = held.verified().filter(|&fd| is_in_the_way(held, fd, request.port())) {
                let _ = socket::set_linger(fd, 0);
                self.end(place, End::Evicted);
            }
        }
        wanted.done(request);
        self.drain.drainer.ended.notify();
    }
}
