//! Sockets are ended by time: by their bounds, or because the process ends.

use super::sleeping::EXIT_TICK_MS;
use super::worker::Worker;
use crate::bounds::End;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::inline::is_quiet;
use crate::sys::clock::Millis;

impl Worker {
    /// Ends the sockets whose time is over. Only the first of each order can be the next one.
    pub(super) fn expire(&mut self) {
        let now = Millis::now();
        while let Some((place, end)) = self.overdue(now) {
            self.end(place, end);
        }
        if self.drain.demands.process_end.is_exiting() && self.next_quiet_check.since(now) == 0 {
            self.next_quiet_check = now.plus(EXIT_TICK_MS);
            self.end_the_quiet();
        }
    }

    fn overdue(&self, now: Millis) -> Option<(Place, End)> {
        [self.by_activity.first(), self.by_age.first()].into_iter().flatten().find_map(|place| {
            let held = self.at(place)?;
            Some((place, self.bounds(held).exceeded(held.progress(), now)?))
        })
    }

    /// Ends the sockets whose peer has acknowledged everything and is silent.
    fn end_the_quiet(&mut self) {
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.after_by_age(place);
            let fd = self.at(place).and_then(HeldSocket::verified);
            if fd.is_none_or(is_quiet) {
                self.end(place, End::Acknowledged);
            }
        }
    }
}
