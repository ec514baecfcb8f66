//! What `fclose` and `freopen` share: the close of a stream over a connection.
//!
//! A stream writes out its buffer before it closes, and the peer may make that last long. Only
//! after that the hook asks which other processes hold the connection: the answer must still be
//! true when the number is closed. No guard is held meanwhile, and a cancellation acts as it does
//! natively.

use crate::sys::ending::{self, Ending};
use crate::sys::errno;
use crate::sys::guard::{Guard, act_on_cancellation, let_signals_in};
use crate::sys::libc_kind::is_musl;
use crate::sys::real::{__fpending, __fpurge, fflush, fileno};
use libc::{FILE, c_int};
use softclose_core::sys::{Fd, socket};

/// The number of the connection that `stream` is over, if it is over one, and if this process is
/// the owner of its memory.
///
/// # Safety
/// `stream` is a stream of libc's.
pub unsafe fn of_socket(stream: *mut FILE) -> Option<c_int> {
    let guard = Guard::enter()?;
    // SAFETY: the caller's. Takes no lock; -1 for a stream in memory.
    let fd = Fd::new(unsafe { fileno(stream) })?;
    guard.engine().ledger.ending(fd);
    socket::tcp_info(fd).ok()?;
    guard.owner().map(|_| fd.raw())
}

/// What became of a stream's buffer.
pub enum Flushed {
    /// It is empty.
    All,
    /// It could not be written, with this `errno`. It was emptied all the same: libc must not try
    /// again, as that would raise another `SIGPIPE`.
    Not(c_int),
}

/// Writes out the buffer of `stream`, as the call that follows would do.
///
/// # Safety
/// As `fflush`; may unwind. The program gives up the stream.
pub unsafe fn flush(stream: *mut FILE) -> Flushed {
    // SAFETY: the caller's.
    unsafe {
        if __fpending(stream) == 0 || fflush(stream) == 0 {
            return Flushed::All;
        }
        let error = errno::get();
        __fpurge(stream);
        Flushed::Not(error)
    }
}

/// Makes `own_call`, libc's function, which closes `fd` even where it fails.
pub fn close_stream_with<T: Copy>(fd: c_int, own_call: impl FnOnce() -> T + Copy) -> T {
    match ending::before(fd) {
        Ending::Held(held) => {
            let (result, lingering) = held.through_waiting(own_call);
            ending::after(fd);
            // Not with musl: its functions close a stream by system call.
            let is_cancellation_point = !is_musl();
            // SAFETY: the guard is gone, nothing to drop.
            unsafe {
                ending::wait_for(lingering, is_cancellation_point);
                if is_cancellation_point {
                    act_on_cancellation();
                }
            }
            result
        }
        Ending::Plain(signals) => {
            let_signals_in(signals);
            let result = own_call();
            ending::after(fd);
            result
        }
        Ending::Private => own_call(),
    }
}
