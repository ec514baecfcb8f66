//! Before and after a call that makes a process which no count covers.
//!
//! Whoever makes it may be the process whose memory this is; a `vfork` child or another
//! one that runs on it or on a copy; or one that has sandboxed itself, in which no hook may
//! make a system call. The last two only make stores to memory that the family shares.

use super::guard::{ENGINE, Guard, engine, with_owner};
use softclose_core::engine::Engine;
use softclose_core::ledger::{Child, Ledger, Return};
use softclose_core::sys::Fd;

/// Before the call.
pub fn begin(child: Child, end: Return) {
    by_whomever(
        |engine, guard| match guard.owner() {
            Some(owner) => owner.before_spawn(child, end),
            None if child == Child::Executes => engine.ledger.before_execution(),
            None => engine.ledger.leak_all(),
        },
        |ledger| match child {
            Child::Executes => ledger.before_unseen_execution(),
            Child::RunsOn | Child::Borrows => ledger.leak_all(),
        },
    );
}

/// After it, where hooks see that.
pub fn end(child: Child) {
    with_owner(|owner| owner.after_spawn(child));
}

/// The child is given `fd`, whatever that is.
pub fn hand(fd: Fd) {
    by_whomever(|engine, _| engine.ledger.hand(fd), |ledger| ledger.copied_unseen(fd));
}

/// The child goes on beside this process, with all that is open.
pub fn leak_all() {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.leak_all();
    }
}

/// `seen` may make system calls, `unseen` only stores.
pub fn by_whomever(seen: impl FnOnce(&'static Engine, &Guard), unseen: impl FnOnce(&'static Ledger)) {
    match (engine(), ENGINE.get()) {
        (Some(engine), _) => {
            if let Some(guard) = Guard::enter() {
                seen(engine, &guard);
            }
        }
        (None, Some(engine)) => unseen(engine.ledger),
        (None, None) => {}
    }
}
