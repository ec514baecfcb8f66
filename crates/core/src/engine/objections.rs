//! What speaks against half-closing a connection of which this is the last reference.
//!
//! Context: hooks of any kind.

use super::Engine;
use super::closing::Closing;
use crate::decision::Reason;
use crate::drain::hand_over::{may_be_blocked_in_write, may_be_written_to};
use crate::sys::socket;

/// Why the connection is to be left alone all the same; `None`: nothing speaks against it. What
/// is done `in_place`, before the program's own call, cannot wait for a thread that may be
/// blocked in a write; the drain's thread can.
pub(super) fn against(engine: &Engine, closing: Closing<'_>, in_place: bool) -> Option<Reason> {
    let Closing { owner, fd, claim, .. } = closing;
    if owner.may_have_options(claim.entry) && socket::is_under_repair(fd) {
        Some(Reason::Repair)
    } else if in_place && may_have_writer(engine, closing) && may_be_blocked_in_write(fd) {
        Some(Reason::Busy)
    } else {
        None
    }
}

/// Whether another thread of the program may be inside a write to the connection.
pub(super) fn may_have_writer(engine: &Engine, closing: Closing<'_>) -> bool {
    let Closing { owner, fd, claim, is_acknowledged, .. } = closing;
    let has_options = owner.may_have_options(claim.entry);
    let is_done = is_acknowledged && !has_options;
    !engine.context.is_single_threaded()
        && (!is_done && may_be_written_to(fd) || has_options && socket::may_have_been_full(fd))
}
