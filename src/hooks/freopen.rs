//! `freopen(3)` closes the file of a stream, and opens another in its place. The old file is
//! closed even where the new one cannot be opened. The hook writes out the buffer first, and then
//! drains a connection as `close` does. A cancellation point.

use super::stdio::{close_stream_with, flush, of_socket};
use crate::sys::real;
use core::ffi::c_char;
use libc::FILE;

type Reopen = unsafe fn(*const c_char, *const c_char, *mut FILE) -> *mut FILE;

/// `freopen(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { freopen_with(real::freopen, path, mode, stream) }
}

/// `freopen(3)` with 64-bit offsets.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { freopen_with(real::freopen64, path, mode, stream) }
}

/// `freopen`, where `reopen` is libc's function of either name.
///
/// # Safety
/// As `freopen`; may unwind.
unsafe fn freopen_with(reopen: Reopen, path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE {
    // SAFETY: the program's own call.
    let own_call = || unsafe { reopen(path, mode, stream) };
    // SAFETY: the program's own stream.
    let Some(fd) = (unsafe { of_socket(stream) }) else { return own_call() };
    // SAFETY: as above. Natively, too, the program does not hear that the buffer was not written.
    unsafe { flush(stream) };
    close_stream_with(fd, own_call)
}
