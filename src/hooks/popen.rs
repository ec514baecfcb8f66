//! `popen(3)` runs a shell, which inherits what is not close-on-exec. Before the call, that is
//! noted as given to another program.

use crate::sys::guard::{with_owner, without_cancellation};
use crate::sys::retry::with_free_process;
use crate::sys::{errno, real, spawn};
use core::ffi::c_char;
use libc::{EAGAIN, ENOMEM, FILE};
use softclose_core::holders::ledger::{Child, Return};

#[unsafe(no_mangle)]
/// `popen(3)`.
pub unsafe extern "C-unwind" fn popen(command: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: the program's own call.
    let open = || unsafe { real::popen(command, mode) };
    // glibc says ENOMEM where posix_spawn says EAGAIN.
    let is_refused = |stream: &*mut FILE| stream.is_null() && matches!(errno::get(), EAGAIN | ENOMEM);
    without_cancellation(|| nameless(|| with_free_process(open, is_refused)))
}

/// Has libc execute another program by `own_call`, which does not tell the pid of that program.
pub fn nameless<T: Copy>(own_call: impl FnOnce() -> T + Copy) -> T {
    spawn::begin(Child::Executes, Return::Seen);
    spawn::hand_kept();
    with_owner(|owner| owner.spawned(None));
    let result = own_call();
    spawn::end(Child::Executes);
    result
}
