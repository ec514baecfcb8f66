//! `fclose(3)`: libc writes out the buffer and closes inside itself, past our
//! `close`.

use super::stdio::{Flushed, flush, of_socket};
use crate::sys::ending::{self, Ending};
use crate::sys::guard::act_on_cancellation;
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
    let result = close_flushed(stream, fd);
    match flushed {
        Flushed::All => result,
        Flushed::Not(error) => {
            errno::set(error);
            EOF
        }
    }
}

fn close_flushed(stream: *mut FILE, fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    let own_call = || unsafe { real::fclose(stream) };
    match ending::before(fd) {
        // Whatever `fclose` returns, the number is closed.
        Ending::Held(held) => {
            let result = held.through(own_call, |_| true);
            // SAFETY: the guard is gone, nothing to drop.
            unsafe { act_on_cancellation() };
            result
        }
        Ending::Plain | Ending::Private => own_call(),
    }
}
