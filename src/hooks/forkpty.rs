//! `forkpty(3)`: forks inside libc. The handlers of [`crate::sys::atfork`] see that, but not
//! whether there is a child.

use crate::sys::guard::{is_refused, with_a_thread_less};
use crate::sys::{atfork, real};
use core::ffi::{c_char, c_int, c_void};

#[unsafe(no_mangle)]
/// `forkpty(3)`.
pub unsafe extern "C-unwind" fn forkpty(
    leader: *mut c_int,
    name: *mut c_char,
    terminal: *const c_void,
    size: *const c_void,
) -> c_int {
    let fork = || {
        atfork::forget();
        // SAFETY: the program's own call.
        let result = unsafe { real::forkpty(leader, name, terminal, size) };
        if result != 0 {
            atfork::made(result);
        }
        result
    };
    with_a_thread_less(fork, is_refused)
}
