//! `epoll_create(2)` and `epoll_create1(2)`: a set is known from its creation, and so
//! is which processes can have it.

use crate::sys::guard::{engine, with_owner};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use libc::c_int;
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `epoll_create(2)`.
pub unsafe extern "C-unwind" fn epoll_create(size: c_int) -> c_int {
    // SAFETY: the program's own call.
    made(|| unsafe { real::epoll_create(size) })
}

#[unsafe(no_mangle)]
/// `epoll_create1(2)`.
pub unsafe extern "C-unwind" fn epoll_create1(flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    made(|| unsafe { real::epoll_create1(flags) })
}

fn made(own_call: impl Fn() -> c_int) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = with_free_number(own_call);
    if let (Some(set), Some(since)) = (Fd::new(result), since) {
        with_owner(|owner| owner.made_set(set, since));
    }
    result
}
