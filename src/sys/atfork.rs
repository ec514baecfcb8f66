//! Before and after every fork that libc makes: `fork`, `daemon`, `forkpty`.
//!
//! The handlers of `pthread_atfork` see them all, also those that libc makes for
//! itself and that no symbol leads to. Whose token the child gets is kept for the
//! thread that forks: threads may fork at the same time.
//!
//! Context: the thread that forks; the child handlers run before anything of the
//! program's does. Async-signal-safe.

use super::guard::{Guard, with_engine, with_owner};
use super::real;
use core::cell::Cell;
use softclose_core::Pid;
use softclose_core::engine::Fork;

/// The fork that this thread is making.
#[derive(Clone, Copy)]
enum Forking {
    /// None, or one in a process whose memory is not ours.
    No,
    /// One that hooks follow.
    Yes(Fork),
}

thread_local! {
    static FORKING: Cell<Forking> = const { Cell::new(Forking::No) };
}

/// Has libc call us around each fork. Called by the constructor.
pub fn register() {
    // SAFETY: three plain functions that live as long as the process.
    unsafe { real::register_atfork(prepare, parent, child) };
}

/// The child is counted before it exists.
pub extern "C" fn prepare() {
    FORKING.set(Forking::No);
    with_engine(|engine, owner| FORKING.set(Forking::Yes(engine.before_fork(owner))));
}

/// Whether or not there is a child; which, [`made`] is told.
pub extern "C" fn parent() {
    if matches!(FORKING.get(), Forking::Yes(_)) {
        with_owner(|owner| owner.after_fork());
    }
}

/// The copied memory is the child's own, and so is nothing that was held.
pub extern "C" fn child() {
    let Some(guard) = Guard::enter() else { return };
    if let Forking::Yes(fork) = FORKING.replace(Forking::No) {
        guard.engine().become_child(fork);
    }
}

/// Before a call that may fail ahead of its fork: what [`made`] is told is of none before.
pub fn forget() {
    FORKING.set(Forking::No);
}

/// The door through which the program forked knows the child's pid, or that there
/// is none.
pub fn made(result: libc::c_int) {
    let Forking::Yes(fork) = FORKING.replace(Forking::No) else { return };
    with_engine(|engine, owner| match Pid::from_raw(result.max(0)) {
        Some(pid) => owner.forked(fork.child, pid),
        None => engine.not_forked(owner, fork),
    });
}
