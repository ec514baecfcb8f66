//! `system(3)`: a shell inherits what is not close-on-exec, and may leave
//! something of its own behind. A cancellation point: called without a guard.

use super::popen::nameless;
use crate::sys::retry::with_free_process;
use crate::sys::{errno, real};
use core::ffi::{c_char, c_int};
use libc::EAGAIN;

/// The status of a shell that could not be started: as if it had ended with 127.
const NOT_STARTED: c_int = 127 << 8;

#[unsafe(no_mangle)]
/// `system(3)`.
pub unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    let run = || unsafe { real::system(command) };
    let before = errno::get();
    errno::set(0);
    let is_refused = |&status: &c_int| status == NOT_STARTED && errno::get() == EAGAIN;
    let result = nameless(|| with_free_process(run, is_refused));
    if errno::get() == 0 {
        errno::set(before);
    }
    result
}
