//! `closesocket` is Winsock's name for `close`, for code that was ported from Windows. Linux has
//! no such function, but a porting library may. Where one has, the hook jumps to it: its `SOCKET`
//! may be wider than a descriptor, or no descriptor at all, and it calls `close` itself. Where
//! none has, the hook is `close`.

use crate::sys::jump::{SavedRegisters, jump_through};
use crate::sys::real;
use core::ffi::c_void;
use libc::c_int;

jump_through! {
    /// `closesocket`, or `close(2)` where there is none.
    #[unsafe(no_mangle)]
    pub fn closesocket => address
}

extern "C" fn address(_: &SavedRegisters) -> *const c_void {
    real::closesocket_address().unwrap_or(close as *const c_void)
}

/// `close` for an argument as wide as a `SOCKET` may be.
unsafe extern "C-unwind" fn close(socket: usize) -> isize {
    // SAFETY: the program's own call.
    unsafe { super::close::close(socket as c_int) as isize }
}
