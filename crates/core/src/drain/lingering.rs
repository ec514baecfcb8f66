//! A close that waits, because the program has asked for it by `SO_LINGER{1,n}`.
//!
//! Natively `close` waits until the peer has acknowledged everything and our FIN, for `n` seconds
//! at most, or until a signal comes. With something unread, natively the close is a reset, and
//! does not wait: so here the wait also ends when something comes in. Source: `inet_release`,
//! `__tcp_close`, `sk_stream_wait_close`.
//!
//! Natively the number is free and the epoll sets are left before `close` waits. So it is here: the
//! program's own call is over, and the drain has the private duplicate. During the wait the drainer
//! does not read from the connection, and the bounds of the drain have not begun.
//!
//! The thread that waits holds no lock and no memory: a signal handler may leave the wait by
//! `siglongjmp`, and a cancellation may act in it. The drainer looks in every turn whether a wait is
//! over, and adopts the socket then.
//!
//! Context: any hook, after the program's own call, and the drainer; async-signal-safe and lock-free.

use super::Drain;
use super::offer::hand_to_drainer;
use super::table::held_socket::HeldSocket;
use super::table::place::Place;
use crate::strategy::linger::is_closing;
use crate::sys::clock::{Millis, timespec};
use crate::sys::{Fd, socket};
use rustix::event::poll;

/// One close that waits.
#[derive(Clone, Copy)]
pub struct Lingering {
    drain: &'static Drain,
    place: Place,
    /// The ticket of the socket: a later socket in the same place has another one.
    ticket: u64,
}

impl Lingering {
    /// The close waits from now on, for `ms` milliseconds at most.
    pub(super) fn begin(drain: &'static Drain, place: Place, held: &HeldSocket, ms: u32) -> Self {
        drain.sockets.begin_lingering(held, Millis::now().plus(ms));
        Self { drain, place, ticket: held.ticket(place) }
    }

    /// The held socket, as long as its close waits.
    fn held(self) -> Option<&'static HeldSocket> {
        let is_it = |held: &&HeldSocket| held.is_lingering() && held.ticket(self.place) == self.ticket;
        self.drain.sockets.at(self.place).filter(is_it)
    }

    /// Whether there is nothing to wait for any more.
    fn is_over(self) -> bool {
        let fd = |held: &HeldSocket| held.verified().filter(|_| held.lingers_until().since(Millis::now()) != 0);
        self.held().and_then(fd).is_none_or(has_nothing_to_wait_for)
    }

    /// Waits until the wait is over or a signal comes; calls `between` every 10 milliseconds or
    /// more often, which may unwind.
    pub fn wait(self, between: impl Fn()) {
        /// The kernel reports no event when an acknowledgement comes.
        const MOST_MS: u32 = 10;
        let mut ms = 1;
        while !self.is_over() && poll(&mut [], Some(&timespec(ms))).is_ok() {
            between();
            ms = (ms * 2).min(MOST_MS);
        }
    }

    /// The wait is over: hands the socket to the drainer, unless another thread has done that.
    pub fn end(self) {
        let Some(held) = self.held().filter(|held| self.drain.sockets.end_lingering(held)) else { return };
        hand_to_drainer(self.drain, self.place, held);
    }
}

fn has_nothing_to_wait_for(fd: Fd) -> bool {
    let is_closing = socket::tcp_info(fd).is_ok_and(|info| is_closing(info.state));
    !is_closing || socket::unacknowledged(fd) == 0 || socket::unread(fd) != 0
}

/// Ends the waits that are over; or all, where the drainer has to end what is held. Called by the
/// drainer: the thread that has waited may have left by a jump.
pub(super) fn end_lingering(drain: &'static Drain) {
    if drain.sockets.lingering() == 0 {
        return;
    }
    let are_all = drain.demands.is_any_urgent();
    for (place, held) in drain.sockets.handed_over().filter(|(_, held)| held.is_lingering()) {
        let lingering = Lingering { drain, place, ticket: held.ticket(place) };
        if are_all || lingering.is_over() {
            lingering.end();
        }
    }
}
