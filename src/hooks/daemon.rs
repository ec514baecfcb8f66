//! `daemon(3)`: a fork of libc's own, as [`super::fork`]. It returns in the child; in the
//! parent only where there is none.

use crate::sys::{atfork, real};
use core::ffi::c_int;

#[unsafe(no_mangle)]
/// `daemon(3)`.
pub unsafe extern "C-unwind" fn daemon(no_chdir: c_int, no_close: c_int) -> c_int {
    atfork::announce();
    // SAFETY: the program's own call.
    let result = unsafe { real::daemon(no_chdir, no_close) };
    if result != 0 {
        atfork::made(result);
    }
    result
}
