//! `close(2)`: the everyday end of a socket.
//!
//! A cancellation point. What we leave alone is called without a guard, so that
//! a cancellation acts as it does natively; what we hold is closed first, and
//! the cancellation acts after it.

use crate::sys::ending::{self, Ending};
use crate::sys::guard::{act_on_cancellation, let_signals_in};
use crate::sys::{errno, real};
use libc::c_int;
use softclose_core::drain::lingering::Lingering;
use softclose_core::sys::raw::nr;

/// The program's own way to close, and what it is natively.
#[derive(Clone, Copy)]
pub struct Door {
    /// The program's own call.
    pub own_call: unsafe fn(c_int) -> c_int,
    /// Whether a cancellation may act in it.
    pub is_cancellation_point: bool,
}

/// The system call itself: the way of `syscall(2)`, and of what closes a range.
pub const BY_INSTRUCTION: Door = Door { own_call: by_instruction, is_cancellation_point: false };

/// # Safety
/// As `close`.
unsafe fn by_instruction(fd: c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { errno::call(nr::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) }
}

#[unsafe(no_mangle)]
/// `close(2)`.
pub unsafe extern "C-unwind" fn close(fd: c_int) -> c_int {
    // SAFETY: the program's own call, with its own argument.
    unsafe { close_by(fd, Door { own_call: real::close, is_cancellation_point: true }) }
}

/// Closes `fd` through `door`, gracefully where that is ours to do.
///
/// # Safety
/// As `close`; may unwind where the door is a cancellation point.
pub unsafe fn close_by(fd: c_int, door: Door) -> c_int {
    // SAFETY: the caller's.
    let (result, lingering) = unsafe { give_up_by(fd, door) };
    // SAFETY: the guard is gone, nothing to drop.
    unsafe { ending::wait_for(lingering, door.is_cancellation_point) };
    if lingering.is_some() && door.is_cancellation_point {
        // SAFETY: as above.
        unsafe { act_on_cancellation() };
    }
    result
}

/// The same, but for what the call is to wait for afterwards.
///
/// # Safety
/// As `close`; may unwind where the door is a cancellation point.
pub unsafe fn give_up_by(fd: c_int, door: Door) -> (c_int, Option<Lingering>) {
    match ending::before(fd) {
        Ending::Plain(signals) => {
            // SAFETY: the program's own call; no guard is held, nothing to drop.
            let result = unsafe { (door.own_call)(fd) };
            ending::after(fd);
            let_signals_in(signals);
            (result, None)
        }
        Ending::Private => (errno::fail(libc::EBADF), None),
        Ending::Held(held) => {
            // SAFETY: the program's own call; cancellation is disabled.
            let outcome = held.through(|| unsafe { (door.own_call)(fd) }, |&result| result == 0);
            ending::after(fd);
            if door.is_cancellation_point {
                // SAFETY: the guard is gone, nothing to drop.
                unsafe { act_on_cancellation() };
            }
            outcome
        }
    }
}
