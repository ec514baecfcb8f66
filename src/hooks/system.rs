//! `system(3)`: a shell inherits what is not close-on-exec, and may leave
//! something of its own behind. A cancellation point: called without a guard.

use super::popen::nameless;
use crate::sys::real;
use core::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
/// `system(3)`.
pub unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    nameless(|| unsafe { real::system(command) })
}
