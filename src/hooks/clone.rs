//! `clone(2)`, libc's wrapper: a child process runs a function of the program's,
//! with every descriptor, and no handler of ours. A thread is none of our concern.

use crate::sys::guard::with_owner;
use crate::sys::real::{self, CloneArguments};
use core::ffi::{c_int, c_void};
use softclose_core::Pid;

#[unsafe(no_mangle)]
/// `clone(2)`. Variadic in C: the last three are passed on as they are found.
pub unsafe extern "C-unwind" fn clone(
    body: Option<extern "C" fn(*mut c_void) -> c_int>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    ptid: *mut c_void,
    tls: *mut c_void,
    ctid: *mut c_void,
) -> c_int {
    let is_process = flags & libc::CLONE_THREAD == 0;
    if is_process {
        with_owner(|owner| owner.before_spawn());
        note_shared_table(flags);
    }
    // SAFETY: the program's own call.
    let result = unsafe { real::clone(CloneArguments { body, stack, flags, argument, rest: [ptid, tls, ctid] }) };
    if is_process && result > 0 {
        with_owner(|owner| owner.spawned(Pid::from_raw(result)));
    }
    result
}

/// A process with our descriptor table closes and copies in it, past every count.
pub fn note_shared_table(flags: c_int) {
    if flags & libc::CLONE_FILES != 0 {
        with_owner(|owner| owner.blinded());
    }
}
