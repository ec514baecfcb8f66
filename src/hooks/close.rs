//! `close(2)` ends a descriptor. A connection that it ends for good is drained.
//!
//! It is a cancellation point: one that is pending acts before anything is done, as in libc's function. Where the close is
//! left alone, that function is called without a guard. Where the connection is drained, a cancellation that comes
//! meanwhile stays pending, as in a native close that does not wait.

use crate::sys::ending::{self, Ending};
use crate::sys::guard::{act_on_cancellation, let_signals_in};
use crate::sys::{errno, real};
use libc::c_int;
use softclose_core::drain::lingering::Lingering;
use softclose_core::sys::raw::nr;

/// The call by which the program closes a descriptor: libc's function or the system call.
#[derive(Clone, Copy)]
pub struct CloseCall {
    /// The program's own call.
    pub own_call: unsafe fn(c_int) -> c_int,
    /// Whether it is a cancellation point natively.
    pub is_cancellation_point: bool,
}

/// The raw system call: for `syscall(2)`, and for one connection of a range.
pub const RAW_CLOSE: CloseCall = CloseCall { own_call: raw_close, is_cancellation_point: false };

/// # Safety
/// As `close`.
unsafe fn raw_close(fd: c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { errno::call(nr::CLOSE, [fd as usize]) }
}

/// `close(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close(fd: c_int) -> c_int {
    // SAFETY: the program's own call, with its own argument.
    unsafe { close_with(fd, CloseCall { own_call: real::close, is_cancellation_point: true }) }
}

/// Closes `fd` by `call`, drains the connection where that is ours to do, and waits as long as
/// the program has asked its close to wait (`SO_LINGER`).
///
/// # Safety
/// As `close`; may unwind where the call is a cancellation point.
pub unsafe fn close_with(fd: c_int, call: CloseCall) -> c_int {
    // SAFETY: the caller's.
    let (result, lingering) = unsafe { give_up_with(fd, call) };
    // SAFETY: the guard is gone, nothing to drop.
    unsafe { ending::wait_for(lingering, call.is_cancellation_point) };
    if lingering.is_some() && call.is_cancellation_point {
        // SAFETY: as above.
        unsafe { act_on_cancellation() };
    }
    result
}

/// Closes `fd` by `call`, and answers its result and what the close is to wait for afterwards.
///
/// # Safety
/// As `close`; may unwind where the call is a cancellation point.
pub unsafe fn give_up_with(fd: c_int, call: CloseCall) -> (c_int, Option<Lingering>) {
    if call.is_cancellation_point {
        // SAFETY: no guard is held, nothing to drop.
        unsafe { act_on_cancellation() };
    }
    match ending::before(fd) {
        Ending::Plain(signals) => {
            // SAFETY: the program's own call; no guard is held, nothing to drop.
            let result = unsafe { (call.own_call)(fd) };
            // Where nothing was open, nothing has ended: what is known of that number stays true.
            if result == 0 || errno::get() != libc::EBADF {
                ending::after(fd);
            }
            let_signals_in(signals);
            (result, None)
        }
        Ending::Private => (errno::fail(libc::EBADF), None),
        Ending::Held(held) => {
            // SAFETY: the program's own call; cancellation is disabled.
            let outcome = held.through(|| unsafe { (call.own_call)(fd) }, |&result| result == 0);
            ending::after(fd);
            outcome
        }
    }
}
