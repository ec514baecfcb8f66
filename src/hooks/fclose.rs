//! `fclose(3)`: libc writes out the buffer and closes inside itself, past our
//! `close`.

use super::stdio::{Flushed, close_by, flush, of_socket};
use crate::sys::{errno, real};
use libc::{EOF, FILE, c_int};

#[unsafe(no_mangle)]
/// `fclose(3)`. A cancellation point.
pub unsafe extern "C-unwind" fn fclose(stream: *mut FILE) -> c_int {
    // SAFETY: the program's own stream.
    let Some(fd) = (unsafe { of_socket(stream) }) else {
        // SAFETY: the program's own call.
        return unsafe { real::fclose(stream) };
    };
    // SAFETY: the program's own stream, which it gives up.
    let flushed = unsafe { flush(stream) };
    // SAFETY: the program's own call.
    let result = close_by(fd, || unsafe { real::fclose(stream) });
    match flushed {
        Flushed::All => result,
        Flushed::Not(error) => {
            errno::set(error);
            EOF
        }
    }
}
