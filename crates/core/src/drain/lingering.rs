//! A close that waits, because its program has asked for it by `SO_LINGER{1,n}`: until the
//! peer has acknowledged everything and our FIN, for `n` seconds, or until a signal comes; or
//! until something comes in, or is there: natively that is a reset, which nobody waits for.
//! Source: `inet_release`, `__tcp_close`, `sk_stream_wait_close`.
//!
//! Natively the number is free and the epoll sets are left before `close` waits. So it is
//! here: the program's own call is over, and the drain has the private duplicate. Meanwhile it
//! leaves the connection alone, and its bounds have not begun.
//!
//! Who waits holds nothing: a handler may leave it by `siglongjmp`, a cancellation may act in
//! it. The drain's thread looks now and then whether the wait is over, and goes on from there.
//!
//! Context: any hook, after the program's own call, and the drainer's thread; lock-free.

use super::Drain;
use super::hand_over::Reserved;
use super::place::Place;
use super::slot::Slot;
use crate::strategy::linger::is_closing;
use crate::sys::clock::{Millis, timespec};
use crate::sys::{Fd, socket};
use core::sync::atomic::Ordering::SeqCst;
use rustix::event::poll;

/// One close that waits.
#[derive(Clone, Copy)]
pub struct Lingering {
    drain: &'static Drain,
    place: Place,
    /// Of its slot and its connection, so that a later one in its place is another.
    ticket: u64,
}

impl Lingering {
    pub(super) fn begin(drain: &'static Drain, place: Place, slot: &Slot, ms: u32) -> Self {
        drain.lingering.fetch_add(1, SeqCst);
        slot.begin_lingering(Millis::now().plus(ms));
        Self { drain, place, ticket: slot.ticket(place) }
    }

    fn slot(self) -> Option<&'static Slot> {
        self.drain.slots.at(self.place).filter(|slot| slot.is_lingering() && slot.ticket(self.place) == self.ticket)
    }

    /// Whether there is nothing to wait for any more.
    fn is_over(self) -> bool {
        let fd = |slot: &Slot| slot.verified().filter(|_| slot.lingers_until().since(Millis::now()) != 0);
        self.slot().and_then(fd).is_none_or(has_nothing_to_wait_for)
    }

    /// Waits until it is over, or a signal comes; `between` is called now and then, and may
    /// unwind.
    pub fn wait(self, between: impl Fn()) {
        /// The kernel says nothing when an acknowledgement comes.
        const MOST_MS: u32 = 10;
        let mut ms = 1;
        while !self.is_over() && poll(&mut [], Some(&timespec(ms))).is_ok() {
            between();
            ms = (ms * 2).min(MOST_MS);
        }
    }

    /// The drain goes on from here, unless somebody else has seen to that.
    pub fn end(self) {
        let Some(slot) = self.slot().filter(|slot| slot.end_lingering(Millis::now())) else { return };
        self.drain.lingering.fetch_sub(1, SeqCst);
        Reserved::of(self.drain, self.place).give(slot);
    }
}

fn has_nothing_to_wait_for(fd: Fd) -> bool {
    let is_closing = socket::tcp_info(fd).is_ok_and(|info| is_closing(info.state));
    !is_closing || socket::unacknowledged(fd) == 0 || socket::unread(fd) != 0
}

impl Drain {
    /// The thread takes over what is over, or all where it is to end what it holds.
    pub(super) fn end_lingering(&'static self) {
        if self.lingering.load(SeqCst) == 0 {
            return;
        }
        let wanted = [&self.exiting, &self.pressed].into_iter().any(|flag| flag.load(SeqCst));
        let are_all = wanted || self.dismissals.is_any() || self.wanted_port.get().is_some();
        for (place, slot) in self.slots.offered().filter(|(_, slot)| slot.is_lingering()) {
            let lingering = Lingering { drain: self, place, ticket: slot.ticket(place) };
            if are_all || lingering.is_over() {
                lingering.end();
            }
        }
    }
}
