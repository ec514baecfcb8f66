//! A drain is tried in place, for a moment, before a thread is started for it: the first drain of a fork
//! child, and one drain of its parent after each fork.
//!
//! A server that forks for each connection has children that close it and end; where the child is
//! faster, the parent is the one that closes last. To start a thread costs more than all the rest of
//! such a drain, and each later fork copies what belongs to it. A peer that has nothing more to send
//! answers a FIN within the round-trip time. On the same machine that is over in an instant, and no
//! thread is needed. Where the peer sends on, or is further away, the drain gets its thread, and this is
//! not tried again before many forks ([`crate::drain`], `chance.rs`): nobody's connection waits for what
//! the program does next.
//!
//! Context: hooks of any kind, in a process with one thread. It waits, for a millisecond at most.

use super::closing::Closing;
use super::{Engine, counted};
use crate::bounds::End;
use crate::discard::{Step, discard_some};
use crate::events::is_event;
use crate::settings::{DrainBy, Strategy};
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};

const MOMENT_MS: u32 = 1;

/// Begins the close, waits for the peer's FIN for a moment, and discards what has come. False where it has
/// not come: then the connection is half-closed, and drained as any other.
///
/// The caller has made sure that nothing speaks against the half-close, and that nothing watches the
/// connection.
pub(super) fn drains(engine: &Engine, closing: Closing<'_>) -> bool {
    if !may_try(engine, closing) {
        return false;
    }
    let fd = closing.fd;
    socket::stop_signals(fd);
    let _ = socket::half_close(fd);
    if !is_event(fd, Interest::FIN, MOMENT_MS) {
        engine.drain.loses_chance();
        return false;
    }
    engine.drain.wins_chance();
    counted::instant(engine, fd, closing.role(), closing.strategy, || discard_to_end(fd));
    true
}

fn may_try(engine: &Engine, closing: Closing<'_>) -> bool {
    closing.strategy == Strategy::Drain
        && closing.linger_ms.is_none()
        && engine.context.settings.engine == DrainBy::Thread
        && engine.context.is_single_threaded()
        && engine.drain.takes_chance()
}

/// The peer has sent its FIN, or the connection is broken: nothing more can come.
fn discard_to_end(fd: Fd) -> (End, u64) {
    let mut total = 0;
    loop {
        match discard_some(fd) {
            Step::End(bytes, end) => return (end, total + bytes),
            Step::More(0) => return (End::Reset, total),
            Step::More(bytes) => total += bytes,
        }
    }
}
