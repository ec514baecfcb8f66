//! `pidfd_getfd(2)`: a descriptor of another process, of which one more number is made
//! here. It may be a connection of our own family's: while somebody takes one, nobody of
//! the family is sure of any.

use crate::sys::guard::{ENGINE, with_guard};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use core::ffi::{c_int, c_uint};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `pidfd_getfd(2)`.
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

/// Who may not ask what it has taken leaves the family in doubt.
fn taken(fd: Fd) {
    with_guard(|engine, guard| {
        match guard.owner() {
            Some(owner) => owner.received(fd, None, engine.ledger.stamp()),
            None => engine.ledger.pass(fd),
        }
        engine.ledger.takes(false);
    });
}
