//! `errno`, as the program sees it.

use libc::c_int;
use softclose_core::sys::raw::syscall6;

/// The calling thread's `errno`.
pub fn get() -> c_int {
    // SAFETY: libc answers a valid pointer for the calling thread.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's `errno`.
pub fn set(value: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = value }
}

/// Sets `errno`, and answers -1.
pub fn fail(value: c_int) -> c_int {
    set(value);
    -1
}

/// Makes a system call, and answers as libc does: -1 with `errno` where it fails.
///
/// # Safety
/// As [`syscall6`].
pub unsafe fn call(nr: usize, args: [usize; 6]) -> c_int {
    // SAFETY: the caller's.
    match unsafe { syscall6(nr, args) } {
        Ok(value) => value as c_int,
        Err(error) => fail(error.raw_os_error()),
    }
}
