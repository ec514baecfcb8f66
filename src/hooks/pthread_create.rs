//! `pthread_create(3)` starts a thread. Where it fails because the process may have no further
//! thread (`RLIMIT_NPROC`, the pids of a control group), the drain's thread ends, and the call is
//! made again.

use crate::sys::real::{self, Body};
use crate::sys::retry::with_free_process;
use core::ffi::{c_int, c_void};
use libc::{EAGAIN, pthread_attr_t, pthread_t};

/// `pthread_create(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    body: Body,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the program's own call.
    let create = || unsafe { real::pthread_create(thread, attributes, body, argument) };
    with_free_process(create, |&result| result == EAGAIN)
}
