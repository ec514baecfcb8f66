//! `pidfd_getfd(2)` copies a descriptor of another process into this one. It may be a connection
//! of a process of our own family. So the hook notes the call before it begins and after it: while
//! it lasts, no process of the family is sure to be the only holder of a connection.

use crate::sys::guard::{ENGINE, with_guard};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use core::ffi::{c_int, c_uint};
use softclose_core::sys::Fd;

/// `pidfd_getfd(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_getfd(pidfd: c_int, target: c_int, flags: c_uint) -> c_int {
    takes(true);
    // SAFETY: the program's own call.
    let result = with_free_number(|| unsafe { real::pidfd_getfd(pidfd, target, flags) });
    match Fd::new(result) {
        Some(fd) => taken(fd),
        None => takes(false),
    }
    result
}

fn takes(is_begin: bool) {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.takes(is_begin);
    }
}

/// Counts what was taken. A process that is not the owner of its memory cannot count it: then the
/// family stays in doubt about that connection.
fn taken(fd: Fd) {
    with_guard(|engine, guard| {
        match guard.owner() {
            Some(owner) => owner.received(fd, None, engine.ledger.stamp()),
            None => engine.ledger.pass(fd),
        }
        engine.ledger.takes(false);
    });
}
