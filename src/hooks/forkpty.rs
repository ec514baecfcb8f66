//! `forkpty(3)`: a fork of libc's own, as [`super::fork`].

use crate::sys::retry::{is_refused, with_free_process};
use crate::sys::{atfork, real};
use core::ffi::{c_char, c_int};
use libc::{pid_t, termios, winsize};

#[unsafe(no_mangle)]
/// `forkpty(3)`.
pub unsafe extern "C-unwind" fn forkpty(
    terminal: *mut c_int,
    name: *mut c_char,
    settings: *const termios,
    size: *const winsize,
) -> pid_t {
    let fork = || {
        // It may fail ahead of its fork: what is told then is of none before.
        atfork::forget();
        atfork::announce();
        // SAFETY: the program's own call.
        let result = unsafe { real::forkpty(terminal, name, settings, size) };
        if result != 0 {
            atfork::made(result);
        }
        result
    };
    with_free_process(fork, is_refused)
}
