//! `dup(2)`, `dup2(2)`, `dup3(2)`: one more descriptor of the same description.

use crate::sys::errno::call;
use crate::sys::guard::{Guard, with_relief};
use crate::sys::real::is_ready;
use libc::c_int;
use softclose_core::sys::Fd;
use softclose_core::sys::raw::nr;

redhook::hook! {
    unsafe fn dup(old: c_int) -> c_int => my_dup {
        duplicated(old, || {
            if is_ready() {
                // SAFETY: the program's own call.
                unsafe { redhook::real!(dup)(old) }
            } else {
                // SAFETY: the same call, the same arguments.
                unsafe { call(nr::DUP, [old as usize, 0, 0, 0, 0, 0]) }
            }
        })
    }
}

redhook::hook! {
    unsafe fn dup2(old: c_int, new: c_int) -> c_int => my_dup2 {
        duplicated(old, || {
            if is_ready() {
                // SAFETY: the program's own call.
                unsafe { redhook::real!(dup2)(old, new) }
            } else {
                // SAFETY: the same call, the same arguments.
                unsafe { call(nr::DUP2, [old as usize, new as usize, 0, 0, 0, 0]) }
            }
        })
    }
}

redhook::hook! {
    unsafe fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int => my_dup3 {
        duplicated(old, || {
            if is_ready() {
                // SAFETY: the program's own call.
                unsafe { redhook::real!(dup3)(old, new, flags) }
            } else {
                // SAFETY: the same call, the same arguments.
                unsafe { call(nr::DUP3, [old as usize, new as usize, flags as usize, 0, 0, 0]) }
            }
        })
    }
}

/// Has redhook resolve them.
pub fn touch() {
    let _ = redhook::real!(dup);
    let _ = redhook::real!(dup2);
    let _ = redhook::real!(dup3);
}

fn duplicated(old: c_int, own_call: impl Fn() -> c_int) -> c_int {
    let Some(guard) = Guard::enter() else { return own_call() };
    let since = guard.engine().ledger.stamp();
    let result = guard.own_call(|| with_relief(&own_call));
    if let (Some(old), Some(new)) = (Fd::new(old), Fd::new(result))
        && old != new
        && let Some(owner) = guard.owner()
    {
        owner.duplicated(old, new, since);
    }
    result
}
