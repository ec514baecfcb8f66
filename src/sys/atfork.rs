//! Handlers that run before and after every fork that libc makes: `fork`, `daemon`, `forkpty`.
//!
//! libc calls the handlers of `pthread_atfork` also for forks that it makes for itself. The token
//! that the child will have is kept for the thread that forks, as threads may fork at the same
//! time.
//!
//! libc does not tell the handlers whether there is a child. The hooks of the calls that fork know
//! it, and announce that they will say it ([`fork_returned`]). Where no hook has announced a fork, one
//! thing can be known: if the process has no child at all, the fork has failed. Else the token waits
//! for a child to take it, for a limited time (`Family::may_exist`).
//!
//! The handlers run with cancellation disabled ([`without_cancellation`]). That of the program's own
//! handlers, and of libc, is as it is natively.
//!
//! Context: the thread that forks. The child's handler runs before any code of the program's.
//! Async-signal-safe.

use super::guard::{Guard, forget_hooks, with_engine, with_guard, without_cancellation};
use super::local::local;
use super::real;
use softclose_core::Pid;
use softclose_core::drain::calm::Calm;
use softclose_core::engine::fork::Fork;
use softclose_core::holders::ledger::Token;

/// Announces that [`fork_returned`] will be called after the next fork of this thread.
pub fn announce() {
    local().is_announced.set(true);
}

fn note(fork: Option<Fork>) {
    local().is_forking.set(fork.is_some());
    local().child.set(fork.and_then(|fork| fork.child).map_or(0, Token::raw));
    local().calm.set(fork.and_then(|fork| fork.calm).map_or(0, Calm::raw));
}

/// The fork that this thread is making, and that hooks follow. `None` also where this process is not the
/// owner of its memory.
fn noted() -> Option<Fork> {
    let local = local();
    local.is_forking.get().then(|| Fork { child: Token::new(local.child.get()), calm: Calm::new(local.calm.get()) })
}

fn take() -> Option<Fork> {
    let fork = noted();
    note(None);
    fork
}

/// Has libc call the handlers around each fork. Called by the constructor.
pub fn register() {
    // SAFETY: three plain functions that live as long as the process.
    unsafe { real::register_atfork(prepare, parent, child) };
}

/// Before the fork: counts the child before it exists. A process that is not counted itself leaks
/// all that is open.
pub extern "C-unwind" fn prepare() {
    without_cancellation(before_fork);
}

fn before_fork() {
    real::foresee();
    note(None);
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => note(Some(engine.before_fork(owner))),
        None => engine.ledger.leak_all(),
    });
}

/// After the fork, in the parent, whether or not there is a child.
pub extern "C-unwind" fn parent() {
    without_cancellation(in_parent);
}

fn in_parent() {
    let Some(fork) = noted() else { return };
    with_engine(|engine, owner| {
        owner.after_fork();
        engine.drain.give_chance();
        if !local().is_announced.get() && owner.is_childless() {
            note(None);
            engine.not_forked(owner, fork);
        }
    });
}

/// After the fork, in the child: the copied memory is its own, and the drain holds nothing in it.
pub extern "C-unwind" fn child() {
    without_cancellation(in_child);
}

fn in_child() {
    local().is_announced.set(false);
    forget_hooks();
    let Some(guard) = Guard::enter() else { return };
    if let Some(fork) = take() {
        guard.engine().become_child(fork);
    }
}

/// Before a call that may fail before it forks: [`fork_returned`] must not take an earlier fork for it.
pub fn forget() {
    note(None);
}

/// After a call that forks has returned in the parent, or has failed: `result` is the child's pid,
/// or says that there is no child.
pub fn fork_returned(result: libc::c_int) {
    without_cancellation(|| has_returned(result));
}

fn has_returned(result: libc::c_int) {
    local().is_announced.set(false);
    let Some(fork) = take() else { return };
    with_engine(|engine, owner| match Pid::from_raw(result.max(0)) {
        Some(pid) => owner.forked(fork.child, pid),
        None => engine.not_forked(owner, fork),
    });
}
