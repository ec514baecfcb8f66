//! `freopen(3)`: whatever comes of the new file, the old one is closed.

use super::stdio::{close_by, flush, of_socket};
use crate::sys::real;
use core::ffi::c_char;
use libc::FILE;

type Reopen = unsafe fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE;

#[unsafe(no_mangle)]
/// `freopen(3)`. A cancellation point.
pub unsafe extern "C-unwind" fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { freopen_by(real::freopen, path, mode, stream) }
}

#[unsafe(no_mangle)]
/// `freopen(3)` with 64-bit offsets.
pub unsafe extern "C-unwind" fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { freopen_by(real::freopen64, path, mode, stream) }
}

/// # Safety
/// As `freopen`; may unwind.
unsafe fn freopen_by(reopen: Reopen, path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    let own_call = || unsafe { reopen(path, mode, stream) };
    // SAFETY: the program's own stream.
    let Some(fd) = (unsafe { of_socket(stream) }) else { return own_call() };
    // SAFETY: as above. That the buffer could not be written is not told natively either.
    unsafe { flush(stream) };
    close_by(fd, own_call)
}
