//! `system(3)` runs a shell and waits for it. The shell inherits what is not close-on-exec, and may
//! leave processes of its own behind. Before the call, that is noted as given to another program.
//! A cancellation point: libc's function is called without a guard.

use super::popen::nameless;
use crate::sys::retry::with_free_process;
use crate::sys::{errno, real};
use core::ffi::{c_char, c_int};
use libc::EAGAIN;

/// What `system` answers if the shell could not be started: with glibc the status of one that ended with 127,
/// with musl -1.
const NOT_STARTED: [c_int; 2] = [127 << 8, -1];

/// `system(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn system(command: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    let run = || unsafe { real::system(command) };
    let before = errno::get();
    errno::set(0);
    let is_refused = |status: &c_int| NOT_STARTED.contains(status) && errno::get() == EAGAIN;
    let result = nameless(|| with_free_process(run, is_refused));
    if errno::get() == 0 {
        errno::set(before);
    }
    result
}
