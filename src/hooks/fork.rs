//! `fork(2)` and `_Fork(3)`: the child holds everything that we hold.
//!
//! The counting is done by the handlers of [`crate::sys::atfork`], which see
//! forks that no symbol leads to as well; this hook adds the child's pid, or that
//! there is none.
//! `_Fork` runs no handlers, and is async-signal-safe: here they are run for it.

use crate::sys::retry::{is_refused, with_free_process};
use crate::sys::{atfork, real};
use libc::{c_int, pid_t};

redhook::hook! {
    unsafe fn fork() -> pid_t => my_fork {
        let make = || {
            atfork::announce();
            // SAFETY: the program's own call.
            let result = unsafe { redhook::real!(fork)() };
            if result != 0 {
                atfork::made(result);
            }
            result
        };
        with_free_process(make, is_refused)
    }
}

/// Has redhook resolve it.
pub fn touch() {
    let _ = redhook::real!(fork);
}

#[unsafe(no_mangle)]
/// `_Fork(3)`.
pub unsafe extern "C-unwind" fn _Fork() -> c_int {
    atfork::announce();
    atfork::prepare();
    // SAFETY: the program's own call.
    let result = unsafe { real::raw_fork() };
    if result == 0 {
        atfork::child();
    } else {
        atfork::parent();
        atfork::made(result);
    }
    result
}
