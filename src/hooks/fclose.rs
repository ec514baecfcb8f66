//! `fclose(3)` writes out the buffer of a stream and closes its number inside libc, where our
//! `close` is not called. The hook writes out the buffer first, and then closes the stream as
//! `close` closes a number. A cancellation point.

use super::stdio::{Flushed, close_stream_with, flush, of_socket};
use crate::sys::{errno, real};
use libc::{EOF, FILE, c_int};

/// `fclose(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fclose(stream: *mut FILE) -> c_int {
    // SAFETY: the program's own stream.
    let Some(fd) = (unsafe { of_socket(stream) }) else {
        // SAFETY: the program's own call.
        return unsafe { real::fclose(stream) };
    };
    // SAFETY: the program's own stream, which it gives up.
    let flushed = unsafe { flush(stream) };
    // SAFETY: the program's own call.
    let result = close_stream_with(fd, || unsafe { real::fclose(stream) });
    match flushed {
        Flushed::All => result,
        Flushed::Not(error) => {
            errno::set(error);
            EOF
        }
    }
}
