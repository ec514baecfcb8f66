//! `shutdown(2)`: with the receive side shut, the peer's next segment is answered
//! with a RST. So that half is left to the drain.

use crate::sys::guard::Guard;
use crate::sys::real;
use core::ffi::c_int;
use libc::{SHUT_RD, SHUT_RDWR, SHUT_WR};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `shutdown(2)`.
pub unsafe extern "C-unwind" fn shutdown(fd: c_int, how: c_int) -> c_int {
    // SAFETY: the program's own call.
    let own_call = |how| unsafe { real::shutdown(fd, how) };
    match how {
        SHUT_RD if soften(fd, how) => 0,
        SHUT_RDWR if soften(fd, how) => own_call(SHUT_WR),
        _ => own_call(how),
    }
}

fn soften(fd: c_int, how: c_int) -> bool {
    let Some((guard, fd)) = Guard::enter().zip(Fd::new(fd)) else { return false };
    guard.owner().is_some_and(|owner| guard.engine().defer_shutdown(owner, fd, how == SHUT_RD))
}
