//! Before and after a call that makes a process which no count covers.
//!
//! Whoever makes it may be the process whose memory this is, or a `vfork` child or another
//! one that runs on it or on a copy: that only makes stores to memory that the family
//! shares.

use super::guard::{ENGINE, with_guard, with_owner};
use softclose_core::ledger::{Child, Return};
use softclose_core::sys::Fd;

/// Before the call.
pub fn begin(child: Child, end: Return) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.before_spawn(child, end),
        None if child == Child::Executes => engine.ledger.before_execution(|| false),
        None => engine.ledger.leak_all(),
    });
}

/// After it, where hooks see that.
pub fn end(child: Child) {
    with_owner(|owner| owner.after_spawn(child));
}

/// The child is given `fd`, whatever that is.
pub fn hand(fd: Fd) {
    with_guard(|engine, _| engine.ledger.hand(fd));
}

/// The child goes on beside this process, with all that is open.
pub fn leak_all() {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.leak_all();
    }
}
