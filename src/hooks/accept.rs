//! `accept(2)` and `accept4(2)`: a new connection has one holder, us.
//!
//! Cancellation points that wait: libc's own is called without a guard.

use crate::sys::guard::{Guard, engine, with_relief};
use crate::sys::real;
use libc::{c_int, sockaddr, socklen_t};
use softclose_core::ledger::Stamp;
use softclose_core::ledger::table::Role;
use softclose_core::sys::{Fd, socket};

#[unsafe(no_mangle)]
/// `accept(2)`.
pub unsafe extern "C-unwind" fn accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    let since = stamp();
    // SAFETY: the program's own call.
    let result = with_relief(|| unsafe { real::accept(fd, addr, len) });
    accepted(result, since)
}

#[unsafe(no_mangle)]
/// `accept4(2)`.
pub unsafe extern "C-unwind" fn accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int {
    let since = stamp();
    // SAFETY: the program's own call.
    let result = with_relief(|| unsafe { real::accept4(fd, addr, len, flags) });
    accepted(result, since)
}

fn stamp() -> Option<Stamp> {
    engine().map(|engine| engine.ledger.stamp())
}

fn accepted(result: c_int, since: Option<Stamp>) -> c_int {
    if let (Some(fd), Some(since)) = (Fd::new(result), since)
        && let Some(guard) = Guard::enter()
        && socket::is_tcp(fd)
        && let Some(owner) = guard.owner()
    {
        owner.opened(fd, Role::Accepted, since);
        guard.engine().common.counters.show();
    }
    result
}
