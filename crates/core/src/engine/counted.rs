//! A drain that is over when the call returns, counted and logged as every drain is.
//!
//! Context: hooks of any kind.

use super::Engine;
use crate::bounds::End;
use crate::context::Ended;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::socket::Role;

/// Runs `drain`, which answers how it ended, and how many bytes it discarded.
pub(super) fn drain(engine: &Engine, fd: Fd, role: Role, strategy: Strategy, drain: impl FnOnce() -> (End, u64)) {
    run(engine, fd, role, strategy, Some(Millis::now()), drain);
}

/// The same for a drain that is over within a millisecond: it needs no clock.
pub(super) fn instant(engine: &Engine, fd: Fd, role: Role, strategy: Strategy, drain: impl FnOnce() -> (End, u64)) {
    run(engine, fd, role, strategy, None, drain);
}

fn run(
    engine: &Engine,
    fd: Fd,
    role: Role,
    strategy: Strategy,
    begun: Option<Millis>,
    drain: impl FnOnce() -> (End, u64),
) {
    let note = engine.context.note(fd, role);
    engine.context.counters.begun();
    let (end, discarded) = drain();
    engine.context.ended(Ended { fd: Some(fd), note: note.as_ref(), strategy, end, discarded, begun });
}
