//! The drain of one socket ends: its private number is closed, and its place is free.

use super::worker::Worker;
use crate::bounds::End;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;

impl Worker {
    /// Ends the drain in this way. The private number is verified right before its close, whatever has
    /// verified it before: what looked like an end may have been a file that the program has opened
    /// there meanwhile.
    pub(super) fn end(&mut self, place: Place, end: End) {
        let Some(held) = self.at(place) else { return };
        let fd = held.verified();
        self.leave_queues(place, held);
        self.drain.report_end(place, held, fd, if fd.is_none() { End::Lost } else { end });
        held.fd().into_iter().for_each(|number| self.drain.ledger.ended(number));
        if let Some(fd) = fd {
            fd.close();
        }
        self.drain.sockets.free(place);
        self.idle_since = Millis::now();
        self.drain.drainer.gate.one_less();
        self.drain.drainer.ended.notify();
    }

    fn leave_queues(&mut self, place: Place, held: &HeldSocket) {
        if held.close_strategy().reads() {
            self.by_activity.remove(&self.drain.sockets, place);
        }
        self.by_age.remove(&self.drain.sockets, place);
        self.wait_no_more(place, held);
        if held.clear(Flag::Postponed) {
            self.postponed.remove(&self.drain.sockets, place);
        }
    }
}
