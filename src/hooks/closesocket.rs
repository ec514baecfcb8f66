//! `closesocket`: Winsock's name, for code that was ported with it. Linux has
//! none; a porting library may.
//!
//! Where there is one, this is a jump to it: its `SOCKET` may be wider than a descriptor,
//! or none at all, and what it closes comes by `close`.

use crate::sys::jump::{Kept, jump_through};
use crate::sys::real;
use core::ffi::c_void;
use libc::c_int;

jump_through! {
    #[unsafe(no_mangle)]
    /// `closesocket`, or `close(2)` where there is none.
    pub fn closesocket => address
}

extern "C" fn address(_: &Kept) -> *const c_void {
    real::closesocket_address().unwrap_or(close as *const c_void)
}

/// As wide as a `SOCKET` may be.
unsafe extern "C-unwind" fn close(socket: usize) -> isize {
    // SAFETY: the program's own call.
    unsafe { super::close::close(socket as c_int) as isize }
}
