//! `unshare(2)` and `setns(2)` move the thread into other namespaces. A process with two threads may
//! not do some of that, so the drain's thread ends before the call. With `CLONE_FILES` the thread
//! gets a descriptor table of its own, which no count covers. Children in another pid namespace
//! may have the pid of their parent. Both are noted.

use crate::sys::guard::{dismiss, engine, with_owner};
use crate::sys::real;
use core::ffi::c_int;
use softclose_core::holders::ledger::Owner;

/// `unshare(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn unshare(flags: c_int) -> c_int {
    let _dismissed = dismiss();
    prepare(flags);
    // SAFETY: the program's own call.
    unsafe { real::unshare(flags) }
}

/// `setns(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn setns(fd: c_int, kind: c_int) -> c_int {
    let _dismissed = dismiss();
    prepare_setns(kind);
    // SAFETY: the program's own call.
    unsafe { real::setns(fd, kind) }
}

/// Before `setns(2)`. The program may leave out what kind of namespace it means.
pub fn prepare_setns(kind: c_int) {
    prepare(if kind == 0 { libc::CLONE_NEWPID } else { kind & libc::CLONE_NEWPID });
}

/// Before `unshare(2)`, while there is no thread of ours.
pub fn prepare(flags: c_int) {
    if flags & libc::CLONE_NEWPID != 0 {
        with_owner(|owner| owner.makes_inner_children());
    }
    if flags & libc::CLONE_FILES != 0 {
        with_owner(blind_beside_others);
    }
}

/// Notes that counts do not cover every descriptor table, if there is another thread: the only
/// thread of a process has a table of its own already.
fn blind_beside_others(owner: Owner<'_>) {
    let is_alone = engine().is_some_and(|engine| engine.context.is_single_threaded());
    if !is_alone {
        owner.splits_table();
        owner.blinded();
    }
}
