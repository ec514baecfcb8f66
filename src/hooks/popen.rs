//! `popen(3)`: a shell inherits what is not close-on-exec.

use crate::sys::guard::with_owner;
use crate::sys::real;
use core::ffi::c_char;

#[unsafe(no_mangle)]
/// `popen(3)`.
pub unsafe extern "C-unwind" fn popen(command: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    note_nameless_child();
    // SAFETY: the program's own call.
    unsafe { real::popen(command, mode) }
}

/// A child is about to be made whose pid nobody tells.
pub fn note_nameless_child() {
    with_owner(|owner| {
        owner.before_spawn();
        owner.spawned(None);
    });
}
