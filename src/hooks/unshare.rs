//! `unshare(2)` and `setns(2)`: what a process with two threads may not do, it must
//! be able to do with softclose loaded; so the drain's thread is dismissed first.
//! And with `CLONE_FILES` a thread gets a descriptor table of its own, which no
//! count covers.

use crate::sys::guard::{Guard, dismiss};
use core::ffi::c_int;

redhook::hook! {
    unsafe fn unshare(flags: c_int) -> c_int => my_unshare {
        prepare(flags);
        // SAFETY: the program's own call.
        unsafe { redhook::real!(unshare)(flags) }
    }
}

redhook::hook! {
    unsafe fn setns(fd: c_int, kind: c_int) -> c_int => my_setns {
        prepare(0);
        // SAFETY: the program's own call.
        unsafe { redhook::real!(setns)(fd, kind) }
    }
}

/// Has redhook resolve them.
pub fn touch() {
    let _ = redhook::real!(unshare);
    let _ = redhook::real!(setns);
}

/// Before the call.
pub fn prepare(flags: c_int) {
    if flags & libc::CLONE_FILES != 0 {
        prepare_files();
    } else {
        dismiss();
    }
}

/// Before this thread gets a descriptor table of its own. Answers whether it will:
/// the only thread of a process has one already.
pub fn prepare_files() -> bool {
    let Some(guard) = Guard::enter() else { return false };
    let Some(owner) = guard.owner() else { return false };
    guard.engine().drain.dismiss();
    let is_alone = (guard.engine().common.host.is_single_threaded)();
    if !is_alone {
        owner.blinded();
    }
    !is_alone
}
