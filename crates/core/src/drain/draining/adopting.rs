//! An offered socket comes into the queues and the epoll set of the drainer.

use super::worker::Worker;
use crate::bounds::End;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::socket;

impl Worker {
    /// Adopts all offers; false where there was none.
    pub(super) fn adopt(&mut self) -> bool {
        let drain = self.drain;
        let mut any = false;
        drain.sockets.take_offers(|place, held| {
            any = true;
            if held.close_strategy().reads() {
                self.by_activity.push(&drain.sockets, place);
            }
            self.by_age.push(&drain.sockets, place);
            held.set_adopted();
            self.first_step(place, held);
        });
        any
    }

    /// Steps a socket at once, as most peers have sent their FIN by now. If the drain goes on, the
    /// socket is watched from here on. The hook may have put it into the set already; but its event
    /// may have come before the adoption, or to a thread that was about to leave.
    fn first_step(&mut self, place: Place, held: &HeldSocket) {
        let Some(fd) = held.verified() else { return self.end(place, End::Lost) };
        if held.close_strategy().patience_ms(self.drain.context.settings) != 0 {
            held.set(Flag::Postponed);
            self.postponed.push(&self.drain.sockets, place);
        } else if held.has(Flag::BeginsLater) {
            self.begin_close(place, held, fd);
        }
        if self.step_unless_read(place, held, fd) {
            socket::report_every_byte(fd);
            self.watch(place, held, fd);
        }
    }
}
