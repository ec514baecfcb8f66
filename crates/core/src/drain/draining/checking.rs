//! Sockets of which a thread of the program may still make use are checked again: where there is no
//! such thread any more, the close begins, and what is queued is discarded.

use super::worker::Worker;
use crate::bounds::End;
use crate::drain::callers::Callers;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::Fd;
use crate::sys::clock::Millis;

impl Worker {
    /// Checks all that wait, where there is news: a look, or the time has come.
    pub(super) fn check_all(&mut self) {
        let is_out = self.is_look_out();
        let looks = if is_out { None } else { self.looks() };
        let is_new = looks.is_some_and(|looks| looks.latest() != self.waiting.used_look);
        let is_due = self.waiting.check_at.map_or(is_out, |at| at.since(Millis::now()) == 0);
        // While a look is out, what the last one has told is being overwritten.
        let may = !is_out || self.waiting.is_look_lost();
        if !may || !(is_new || is_due) || self.waiting.queue.first().is_none() {
            return;
        }
        self.waiting.used_look = looks.map_or(self.waiting.used_look, ThreadLooks::latest);
        (self.waiting.look_at, self.waiting.check_at) = (None, None);
        let mut next = self.waiting.queue.first();
        while let Some(place) = next {
            next = self.waiting.queue.after(&self.drain.sockets, place);
            if let Some(held) = self.at(place) {
                self.check(place, held, looks);
            }
        }
        self.waiting.rest();
    }

    fn check(&mut self, place: Place, held: &HeldSocket, looks: Option<&ThreadLooks>) {
        let Some(fd) = held.verified() else { return self.end(place, End::Lost) };
        let writers = if held.waits_for_writers() { held.writers(fd, looks) } else { Callers::None };
        if writers == Callers::None && held.waits_for_writers() {
            held.begin_close(fd);
        }
        let readers = if held.has(Flag::InputLeft) { self.readers(place, held, fd, looks) } else { Callers::None };
        if !(self.plan_check(writers) | self.plan_check(readers)) {
            self.wait_no_more(place, held);
        }
        let waits_for_room = writers == Callers::Room && !held.set(Flag::WaitsForRoom);
        let is_free = is_free_of_readers(held, readers);
        let goes_on = !is_free || readers == Callers::HaveRead || self.step(place, held, fd);
        if goes_on && (is_free || waits_for_room) && !held.has(Flag::InputLeft) {
            self.watch(place, held, fd);
        }
    }

    /// Which threads may still read. A reader that takes something counts as a sign of life.
    fn readers(&mut self, place: Place, held: &HeldSocket, fd: Fd, looks: Option<&ThreadLooks>) -> Callers {
        let before = held.progress().last;
        let readers = held.readers(fd, looks);
        if held.progress().last != before {
            self.is_active(place);
        }
        readers
    }
}

/// Whether input was left to a reader until now, and is not any more.
fn is_free_of_readers(held: &HeldSocket, readers: Callers) -> bool {
    let is_free = matches!(readers, Callers::None | Callers::HaveRead) && held.clear(Flag::InputLeft);
    if is_free && readers == Callers::None {
        held.clear(Flag::ReaderExpected);
    }
    is_free
}
