//! `popen(3)`: a shell inherits what is not close-on-exec.

use crate::sys::guard::with_owner;
use crate::sys::{real, spawn};
use core::ffi::c_char;
use softclose_core::ledger::{Child, Return};

#[unsafe(no_mangle)]
/// `popen(3)`.
pub unsafe extern "C-unwind" fn popen(command: *const c_char, mode: *const c_char) -> *mut libc::FILE {
    // SAFETY: the program's own call.
    nameless(|| unsafe { real::popen(command, mode) })
}

/// Has libc execute another program by `own_call`, which does not tell its pid.
pub fn nameless<T>(own_call: impl FnOnce() -> T) -> T {
    spawn::begin(Child::Executes, Return::Seen);
    with_owner(|owner| owner.spawned(None));
    let result = own_call();
    spawn::end(Child::Executes);
    result
}
