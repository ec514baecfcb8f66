//! `system(3)`: a shell inherits what is not close-on-exec, and may leave
//! something of its own behind. A cancellation point: called without a guard.

use super::popen::note_nameless_child;
use crate::sys::guard::{is_refused, with_a_thread_less};
use crate::sys::real;
use core::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
/// `system(3)`.
pub unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    note_nameless_child();
    // SAFETY: the program's own call.
    let run = || unsafe { real::system(command) };
    with_a_thread_less(run, is_refused)
}
