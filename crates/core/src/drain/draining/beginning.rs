//! The close of one socket begins, where that was left to the drainer: a thread of the program may
//! have been inside a write, or the strategy postpones it.

use super::worker::Worker;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

impl Worker {
    /// Begins the close, or waits until no thread is inside a write.
    pub(super) fn begin_close(&mut self, place: Place, held: &HeldSocket, fd: Fd) {
        if held.has(Flag::WriterExpected) {
            held.begin_to_watch_writers(fd, self.looks());
            self.wait_for(place, held);
        } else {
            held.begin_close(fd);
        }
    }

    /// There may be room for a writer that was blocked, which goes on then.
    pub(super) fn use_room(&mut self, place: Place, held: &HeldSocket, fd: Fd) {
        if held.has(Flag::WaitsForRoom) && socket::is_writable(fd) {
            held.clear(Flag::WaitsForRoom);
            self.begin_close(place, held, fd);
        }
    }

    /// Milliseconds until the first close that is postponed has to begin.
    pub(super) fn begins_in(&self, now: Millis) -> Option<u32> {
        let held = self.at(self.postponed.first()?)?;
        let age = now.since(held.progress().begun);
        Some(held.close_strategy().patience_ms(self.drain.context.settings).saturating_sub(age))
    }

    /// Begins the closes that were postponed until now.
    pub(super) fn begin_postponed(&mut self) {
        let now = Millis::now();
        while self.begins_in(now) == Some(0)
            && let Some(place) = self.postponed.first()
            && let Some(held) = self.at(place)
        {
            self.postponed.remove(&self.drain.sockets, place);
            held.clear(Flag::Postponed);
            if let Some(fd) = held.verified() {
                self.begin_close(place, held, fd);
            }
        }
    }
}
