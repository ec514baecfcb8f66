//! Before and after every fork that libc makes: `fork`, `daemon`, `forkpty`.
//!
//! The handlers of `pthread_atfork` see them all, also those that libc makes for
//! itself and that no symbol leads to. Whose token the child gets is kept for the
//! thread that forks: threads may fork at the same time.
//!
//! The handlers are not told whether there is a child. The hooks of the calls that fork
//! are, and announce that they will say it ([`made`]). Of a fork that nobody has announced
//! only one thing can be known: without any child it has failed. Else its token waits for
//! a name, and after a second nobody waits for it (`Family::may_exist`).
//!
//! Context: the thread that forks; the child handlers run before anything of the
//! program's does. Async-signal-safe.

use super::guard::{Guard, forget_hooks, with_engine, with_guard};
use super::real;
use core::cell::Cell;
use softclose_core::Pid;
use softclose_core::engine::fork::Fork;

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
    static IS_ANNOUNCED: Cell<bool> = const { Cell::new(false) };
}

/// The next fork of this thread is one of which [`made`] will tell.
pub fn announce() {
    IS_ANNOUNCED.set(true);
}

/// Has libc call us around each fork. Called by the constructor.
pub fn register() {
    // SAFETY: three plain functions that live as long as the process.
    unsafe { real::register_atfork(prepare, parent, child) };
}

/// The child is counted before it exists, unless this process is not counted itself.
pub extern "C" fn prepare() {
    FORKING.set(Forking::No);
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => FORKING.set(Forking::Yes(engine.before_fork(owner))),
        None => engine.ledger.leak_all(),
    });
}

/// Whether or not there is a child.
pub extern "C" fn parent() {
    let Forking::Yes(fork) = FORKING.get() else { return };
    with_engine(|engine, owner| {
        owner.after_fork();
        if !IS_ANNOUNCED.get() && owner.is_childless() {
            FORKING.set(Forking::No);
            engine.not_forked(owner, fork);
        }
    });
}

/// The copied memory is the child's own, and so is nothing that was held.
pub extern "C" fn child() {
    IS_ANNOUNCED.set(false);
    forget_hooks();
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
    IS_ANNOUNCED.set(false);
    let Forking::Yes(fork) = FORKING.replace(Forking::No) else { return };
    with_engine(|engine, owner| match Pid::from_raw(result.max(0)) {
        Some(pid) => owner.forked(fork.child, pid),
        None => engine.not_forked(owner, fork),
    });
}
