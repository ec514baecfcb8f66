//! `forkpty(3)` makes a child on a terminal of its own; libc forks inside. The handlers of
//! [`crate::sys::atfork`] count the child. After the call, the hook adds the child's pid, or that
//! there is no child.

use crate::sys::retry::{is_refused, with_free_process};
use crate::sys::{atfork, real};
use core::ffi::{c_char, c_int};
use libc::{pid_t, termios, winsize};

/// `forkpty(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn forkpty(
    terminal: *mut c_int,
    name: *mut c_char,
    settings: *const termios,
    size: *const winsize,
) -> pid_t {
    let fork = || {
        // It may fail before it forks. Then an earlier fork must not be taken for this one.
        atfork::forget();
        atfork::announce();
        // SAFETY: the program's own call.
        let result = unsafe { real::forkpty(terminal, name, settings, size) };
        if result != 0 {
            atfork::fork_returned(result);
        }
        result
    };
    with_free_process(fork, is_refused)
}
