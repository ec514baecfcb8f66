//! `prctl(2)`. By `PR_SET_SECCOMP` the program installs a filter of system calls, which may kill it
//! for one of ours: before the call, every hook begins to pass through. By
//! `PR_SET_CHILD_SUBREAPER` it becomes the parent of orphans among its descendants: that is noted.
//! It is variadic in C; on Linux all five arguments lie where a plain function has them.

use crate::sys::guard::{become_passive, with_owner};
use crate::sys::real;
use core::ffi::c_int;
use softclose_core::sys::process::may_filter;

/// `prctl(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
    prepare(option, a, b);
    // SAFETY: the program's own call.
    unsafe { real::prctl(option, a, b, c, d) }
}

/// Before the call, with its first three arguments.
pub fn prepare(option: c_int, mode: usize, program: usize) {
    const STRICT: usize = libc::SECCOMP_MODE_STRICT as usize;
    if option == libc::PR_SET_SECCOMP && (mode == STRICT || program != 0 && may_filter()) {
        become_passive();
    }
    if option == libc::PR_SET_CHILD_SUBREAPER && mode != 0 {
        with_owner(|owner| owner.will_reap());
    }
}

/// Before `seccomp(2)` through `syscall(2)`. A call that only asks what the kernel supports changes
/// nothing. Nor does a filter at a null address, by which programs ask whether the kernel has
/// filters.
pub fn before_seccomp(operation: usize, program: usize) {
    const STRICT: usize = libc::SECCOMP_SET_MODE_STRICT as usize;
    const FILTER: usize = libc::SECCOMP_SET_MODE_FILTER as usize;
    if operation == STRICT || (operation == FILTER && program != 0 && may_filter()) {
        become_passive();
    }
}
