//! `fork(2)` and `_Fork(3)` make a child that holds everything that this process holds.
//!
//! The handlers of [`crate::sys::atfork`] count the child, as they also see forks that libc makes
//! for itself. After the call, the hook adds the child's pid, or that there is no child. `_Fork`
//! runs no handlers, and is async-signal-safe: the hook runs ours for it.

use crate::sys::retry::{is_refused, with_free_process};
use crate::sys::{atfork, real};
use libc::{c_int, pid_t};

/// `fork(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fork() -> pid_t {
    with_free_process(counted, is_refused)
}

fn counted() -> pid_t {
    atfork::announce();
    // SAFETY: the program's own call.
    let result = unsafe { real::fork() };
    if result != 0 {
        atfork::fork_returned(result);
    }
    result
}

/// `_Fork(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn _Fork() -> c_int {
    atfork::announce();
    atfork::prepare();
    // SAFETY: the program's own call.
    let result = unsafe { real::raw_fork() };
    if result == 0 {
        atfork::child();
    } else {
        atfork::parent();
        atfork::fork_returned(result);
    }
    result
}
