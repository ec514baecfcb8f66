//! `on_exit(3)` registers a handler for the end of the process. The handler that is registered
//! first runs last, and that must be ours, as it may end the process. The constructor of another
//! library may register one before ours runs: the hook registers ours just before that one.

use crate::sys::{leave, real};
use core::ffi::{c_int, c_void};

/// `on_exit(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn on_exit(
    handler: Option<extern "C" fn(c_int, *mut c_void)>,
    argument: *mut c_void,
) -> c_int {
    leave::register();
    // SAFETY: the program's own call.
    unsafe { real::on_exit(handler, argument) }
}
