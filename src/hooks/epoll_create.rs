//! `epoll_create(2)` and `epoll_create1(2)` make an epoll set. After the call, the set is noted,
//! and so it is known which processes can have it.

use crate::sys::guard::{engine, with_owner};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use libc::c_int;
use softclose_core::sys::Fd;

/// `epoll_create(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_create(size: c_int) -> c_int {
    // SAFETY: the program's own call.
    made(|| unsafe { real::epoll_create(size) })
}

/// `epoll_create1(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_create1(flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    made(|| unsafe { real::epoll_create1(flags) })
}

fn made(own_call: impl Fn() -> c_int + Copy) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = with_free_number(own_call);
    if let (Some(set), Some(since)) = (Fd::new(result), since) {
        with_owner(|owner| owner.made_set(set, since));
    }
    result
}
