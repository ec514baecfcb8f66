//! `prctl(2)`: with `PR_SET_SECCOMP` the program sandboxes itself, and a system
//! call that it does not make itself may kill it.
//!
//! Variadic in C; on x86_64 all five lie where a plain function has them.

use crate::sys::guard::become_passive;
use crate::sys::real;
use core::ffi::c_int;

#[unsafe(no_mangle)]
/// `prctl(2)`.
pub unsafe extern "C-unwind" fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
    prepare(option);
    // SAFETY: the program's own call.
    unsafe { real::prctl(option, a, b, c, d) }
}

/// Before the call.
pub fn prepare(option: c_int) {
    if option == libc::PR_SET_SECCOMP {
        become_passive();
    }
}
