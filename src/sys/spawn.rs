//! Before and after a call that makes a process other than by `fork`, or executes a program in one.
//!
//! The caller may be the owner of this memory, or another process that runs on it or on a copy,
//! such as a `vfork` child. The latter only stores to memory that the family shares.

use super::file_actions;
use super::guard::{ENGINE, with_guard, with_owner};
use libc::posix_spawn_file_actions_t;
use softclose_core::Pid;
use softclose_core::holders::ledger::{Child, Execution, Executor, Return};

/// Before the call: notes that a child is being made.
pub fn begin(child: Child, end: Return) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.before_spawn(child, end),
        None if child == Child::Executes => {}
        None => engine.ledger.leak_all(),
    });
}

/// After the call, where a hook sees it return.
pub fn end(child: Child) {
    with_owner(|owner| owner.after_spawn(child));
}

/// Before another program is executed for which nothing is counted: notes that it gets what is not
/// close-on-exec.
pub fn hand_kept() {
    with_guard(|engine, _| engine.ledger.hand_on_kept());
}

/// As [`hand_kept`], and notes that it gets what its file `actions` name.
///
/// # Safety
/// As of [`count`].
pub unsafe fn hand_kept_and(actions: *const posix_spawn_file_actions_t) {
    hand_kept();
    // SAFETY: the caller's.
    with_guard(|engine, _| unsafe { file_actions::each(actions, |fd| engine.ledger.hand_on(fd)) });
}

/// Before another program is executed: counts for it what is not close-on-exec, and what its file
/// `actions` name.
///
/// # Safety
/// `actions` is null, or what `posix_spawn` may be given.
pub unsafe fn count(actions: *const posix_spawn_file_actions_t) -> Option<Execution> {
    let mut execution = None;
    with_guard(|engine, _| {
        execution = engine.ledger.begin_execution(Executor::Child, true);
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

/// After the call: the program runs in the process `pid`, or not at all.
pub fn counted(execution: Execution, pid: Option<Pid>) {
    with_guard(|engine, _| match pid {
        Some(pid) => engine.ledger.execution_runs(execution, pid),
        None => engine.ledger.execution_failed(execution),
    });
}

/// Before a child is made that goes on beside this process with all that is open.
pub fn leak_all() {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.leak_all();
    }
}
