//! Before and after a call that makes a process which no count covers.
//!
//! Whoever makes it may be the process whose memory this is, or a `vfork` child or another
//! one that runs on it or on a copy: that only makes stores to memory that the family
//! shares.

use super::file_actions;
use super::guard::{ENGINE, with_guard, with_owner};
use libc::posix_spawn_file_actions_t;
use softclose_core::Pid;
use softclose_core::holders::ledger::{Child, Execution, Executor, Return};

/// Before the call.
pub fn begin(child: Child, end: Return) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.before_spawn(child, end),
        None if child == Child::Executes => {}
        None => engine.ledger.leak_all(),
    });
}

/// After it, where hooks see that.
pub fn end(child: Child) {
    with_owner(|owner| owner.after_spawn(child));
}

/// Another program gets what it gets, and nobody counts it.
pub fn hand_kept() {
    with_guard(|engine, _| engine.ledger.hand_on_kept());
}

/// The same, and of what its file `actions` name.
///
/// # Safety
/// As of [`count`].
pub unsafe fn hand_kept_and(actions: *const posix_spawn_file_actions_t) {
    hand_kept();
    // SAFETY: the caller's.
    with_guard(|engine, _| unsafe { file_actions::each(actions, |fd| engine.ledger.hand_on(fd)) });
}

/// What another program gets is counted for it, and what its file `actions` name.
///
/// # Safety
/// `actions` is null, or what `posix_spawn` may be given.
pub unsafe fn count(actions: *const posix_spawn_file_actions_t) -> Option<Execution> {
    let mut execution = None;
    with_guard(|engine, _| {
        execution = engine.ledger.begin_execution(Executor::Child);
        // SAFETY: the caller's.
        unsafe {
            file_actions::each(actions, |fd| match &mut execution {
                Some(execution) => engine.ledger.give(execution, fd),
                None => engine.ledger.hand_on(fd),
            });
        }
        execution = execution.and_then(|execution| engine.ledger.needed(execution));
    });
    execution
}

/// It runs in the process of this pid, or not at all.
pub fn counted(execution: Execution, pid: Option<Pid>) {
    with_guard(|engine, _| match pid {
        Some(pid) => engine.ledger.execution_runs(execution, pid),
        None => engine.ledger.execution_failed(execution),
    });
}

/// The child goes on beside this process, with all that is open.
pub fn leak_all() {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.leak_all();
    }
}
