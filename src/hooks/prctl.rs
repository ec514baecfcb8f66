//! `prctl(2)`: with `PR_SET_SECCOMP` the program sandboxes itself, and a system
//! call that it does not make itself may kill it; with `PR_SET_CHILD_SUBREAPER` it will be
//! the parent of what its descendants leave behind.
//!
//! Variadic in C; on x86_64 all five lie where a plain function has them.

use crate::sys::guard::{become_passive, with_owner};
use crate::sys::real;
use core::ffi::c_int;
use softclose_core::sys::process::may_filter;

#[unsafe(no_mangle)]
/// `prctl(2)`.
pub unsafe extern "C-unwind" fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
    prepare(option, a, b);
    // SAFETY: the program's own call.
    unsafe { real::prctl(option, a, b, c, d) }
}

/// Before the call.
pub fn prepare(option: c_int, mode: usize, program: usize) {
    const STRICT: usize = libc::SECCOMP_MODE_STRICT as usize;
    if option == libc::PR_SET_SECCOMP && (mode == STRICT || program != 0 && may_filter()) {
        become_passive();
    }
    if option == libc::PR_SET_CHILD_SUBREAPER && mode != 0 {
        with_owner(|owner| owner.will_reap());
    }
}

/// Before `seccomp(2)`. What only asks what there could be, as libraries do, changes
/// nothing; nor does a filter at no address, with which programs ask whether there
/// are filters at all.
pub fn before_seccomp(operation: usize, program: usize) {
    const STRICT: usize = libc::SECCOMP_SET_MODE_STRICT as usize;
    const FILTER: usize = libc::SECCOMP_SET_MODE_FILTER as usize;
    if operation == STRICT || (operation == FILTER && program != 0 && may_filter()) {
        become_passive();
    }
}
