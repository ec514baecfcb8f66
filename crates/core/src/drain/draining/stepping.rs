//! One step of one socket: what has come in is discarded, unless a thread of the program may want it.

use super::worker::Worker;
use crate::bounds::End;
use crate::discard::Step;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::poller::Poller;
use crate::sys::{Fd, socket};

impl Worker {
    /// Handles an event that the epoll set has reported with this ticket.
    pub(super) fn handle_event(&mut self, set: Poller, ticket: u64) {
        let Some(place) = self.drain.sockets.place(ticket as u32) else { return };
        let Some(held) = self.at(place) else { return };
        // The hook watches before it offers: an event may come before the adoption.
        if held.ticket(place) != ticket || !held.is_adopted() {
            return;
        }
        let Some(fd) = held.verified() else { return self.end(place, End::Lost) };
        self.use_room(place, held, fd);
        let before = self.discarded;
        if self.step_unless_read(place, held, fd) {
            // An event with nothing to read: news in the error queue, which is reported as long as it
            // is there.
            if self.discarded == before {
                socket::discard_news(fd);
            }
            let _ = set.rearm(fd, ticket, held.interest());
        }
    }

    /// Steps all sockets, without an event.
    pub(super) fn step_all(&mut self) {
        let mut next = self.by_age.first();
        while let Some(place) = next {
            next = self.after_by_age(place);
            let Some(held) = self.at(place) else { break };
            match held.verified() {
                Some(fd) => {
                    self.use_room(place, held, fd);
                    self.step_unless_read(place, held, fd);
                }
                None => self.end(place, End::Lost),
            }
        }
    }

    /// Steps the socket, unless a thread of the program may want what is queued. Answers whether its
    /// events are of interest: the drain goes on, and nothing is left queued.
    pub(super) fn step_unless_read(&mut self, place: Place, held: &HeldSocket, fd: Fd) -> bool {
        if !held.expects_reader(fd) {
            return self.step(place, held, fd);
        }
        let is_left = socket::unread(fd) != 0;
        if is_left && !held.set(Flag::InputLeft) {
            // A reader that waits for more than there is wakes, and takes that.
            socket::report_every_byte(fd);
            held.begin_to_watch_readers(fd, self.looks());
            self.is_active(place);
            self.wait_for(place, held);
        }
        !is_left
    }

    /// Steps the socket as its strategy does, and ends the drain where it is over. Answers whether it
    /// goes on. If not, the place may be another socket's by now, on the same number.
    pub(super) fn step(&mut self, place: Place, held: &HeldSocket, fd: Fd) -> bool {
        let (bytes, end) = match held.close_strategy().step(fd) {
            Step::More(bytes) => (bytes, None),
            Step::End(bytes, end) => (bytes, Some(end)),
        };
        let mut progress = held.progress();
        progress.discarded += bytes;
        self.discarded += bytes;
        if bytes != 0 {
            progress.last = Millis::now();
            self.is_active(place);
        }
        held.set_progress(progress);
        let end = end.or_else(|| self.bounds(held).exceeded(progress, Millis::now()));
        if let Some(end) = end {
            self.end(place, end);
        }
        end.is_none()
    }
}
