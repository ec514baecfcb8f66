//! `on_exit(3)`: what is registered first runs last, and the last must be ours, which
//! may end the process. A library whose constructor runs before ours may register one
//! there: then ours is registered just before it.

use crate::sys::{leave, real};
use core::ffi::{c_int, c_void};

#[unsafe(no_mangle)]
/// `on_exit(3)`.
pub unsafe extern "C" fn on_exit(handler: Option<extern "C" fn(c_int, *mut c_void)>, argument: *mut c_void) -> c_int {
    leave::register();
    // SAFETY: the program's own call.
    unsafe { real::on_exit(handler, argument) }
}
