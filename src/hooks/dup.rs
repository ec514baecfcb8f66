//! `dup(2)`, `dup2(2)`, `dup3(2)`: one more descriptor of the same description.

use crate::sys::guard::{Guard, engine, with_relief};
use crate::sys::real;
use libc::c_int;
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `dup(2)`.
pub unsafe extern "C-unwind" fn dup(old: c_int) -> c_int {
    // SAFETY: the program's own call.
    duplicated(old, || unsafe { real::dup(old) })
}

#[unsafe(no_mangle)]
/// `dup2(2)`.
pub unsafe extern "C-unwind" fn dup2(old: c_int, new: c_int) -> c_int {
    // SAFETY: the program's own call.
    duplicated(old, || unsafe { real::dup2(old, new) })
}

#[unsafe(no_mangle)]
/// `dup3(2)`.
pub unsafe extern "C-unwind" fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    duplicated(old, || unsafe { real::dup3(old, new, flags) })
}

/// Makes the copy by `own_call`, and counts it.
pub fn duplicated(old: c_int, own_call: impl Fn() -> c_int) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = with_relief(own_call);
    if let (Some(old), Some(new), Some(since)) = (Fd::new(old), Fd::new(result), since)
        && old != new
        && let Some(guard) = Guard::enter()
        && let Some(owner) = guard.owner()
    {
        owner.duplicated(old, new, since);
    }
    result
}
