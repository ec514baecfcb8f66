//! `shutdown(2)` shuts one direction of a connection, or both. While the receive side is shut, the
//! kernel answers the peer's next segment with a RST. So the hook leaves that side open at first:
//! the drain shuts it later.

use crate::sys::guard::Guard;
use crate::sys::real;
use core::ffi::c_int;
use libc::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use softclose_core::sys::Fd;

/// `shutdown(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn shutdown(fd: c_int, how: c_int) -> c_int {
    // SAFETY: the program's own call.
    let own_call = |how| unsafe { real::shutdown(fd, how) };
    match how {
        SHUT_RD if soften(fd, how) => 0,
        SHUT_RDWR if soften(fd, how) => own_call(SHUT_WR),
        _ => own_call(how),
    }
}

/// Whether the engine takes over shutting the receive side.
fn soften(fd: c_int, how: c_int) -> bool {
    let Some((guard, fd)) = Guard::enter().zip(Fd::new(fd)) else { return false };
    guard.owner().is_some_and(|owner| guard.engine().defer_shutdown(owner, fd, how == SHUT_RD))
}
