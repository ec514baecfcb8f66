//! An offered socket comes into the queues and the epoll set of the drainer.

use super::beginning::begin_close;
use super::ending::end_drain;
use super::stepping::step_unless_read;
use super::worker::Worker;
use crate::bounds::End;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::sys::socket;

/// Adopts all offers; false where there was none.
pub(super) fn adopt(worker: &mut Worker) -> bool {
    let drain = worker.drain;
    let mut any = false;
    drain.sockets.take_offers(|place, held| {
        any = true;
        if held.close_strategy().reads() {
            worker.by_activity.push(&drain.sockets, place);
        }
        worker.by_age.push(&drain.sockets, place);
        held.set_adopted();
        first_step(worker, place, held);
    });
    any
}

/// Steps a socket at once, as most peers have sent their FIN by now. If the drain goes on, the
/// socket is watched from here on. The hook may have put it into the set already; but its event
/// may have come before the adoption, or to a thread that was about to leave.
fn first_step(worker: &mut Worker, place: Place, held: &HeldSocket) {
    let Some(fd) = held.verified() else { return end_drain(worker, place, End::Lost) };
    if held.close_strategy().patience_ms(worker.drain.context.settings) != 0 {
        held.set(Flag::Postponed);
        worker.postponed.push(&worker.drain.sockets, place);
    } else if held.has(Flag::BeginsLater) {
        begin_close(worker, place, held, fd);
    }
    if step_unless_read(worker, place, held, fd) {
        socket::report_every_byte(fd);
        worker.watch(place, held, fd);
    }
}
