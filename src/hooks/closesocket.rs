//! `closesocket`: Winsock's name, for code that was ported with it. Linux has
//! none; a porting library may.

use super::close::{Door, close_by};
use crate::sys::real;
use libc::c_int;

#[unsafe(no_mangle)]
/// `closesocket`, or `close(2)` where there is none.
pub unsafe extern "C-unwind" fn closesocket(fd: c_int) -> c_int {
    // SAFETY: the program's own call, with its own argument.
    unsafe { close_by(fd, Door { own_call, is_cancellation_point: true }) }
}

/// # Safety
/// As `close`.
unsafe fn own_call(fd: c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { real::closesocket(fd).unwrap_or_else(|| real::close(fd)) }
}
