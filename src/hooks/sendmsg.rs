//! `sendmsg(2)` and `sendmmsg(2)`: a descriptor that is passed on may be in
//! flight, held by no process at all. Cancellation points: no guard.
//!
//! What is passed is noted before the call: as soon as the kernel has the message, another
//! thread or process may close its own. A message that is not sent has cost no more than a
//! drain.

use crate::sys::guard::with_guard;
use crate::sys::real;
use crate::sys::rights::{self, Control};
use libc::{c_int, c_uint, mmsghdr, msghdr};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `sendmsg(2)`.
pub unsafe extern "C-unwind" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> isize {
    let is_noted = note(message);
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmsg(fd, message, flags) };
    if !is_noted && result >= 0 {
        // SAFETY: the kernel has accepted it.
        unsafe { rights::each(message, passed) };
    }
    result
}

#[unsafe(no_mangle)]
/// `sendmmsg(2)`.
pub unsafe extern "C-unwind" fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    /// The kernel takes no more (`UIO_MAXIOV`).
    const MOST: usize = 1024;
    let header = |index| messages.wrapping_add(index).cast_const().cast::<msghdr>();
    let count_in_vain = (0..MOST.min(count as usize)).filter(|&index| !note(header(index))).count();
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmmsg(fd, messages, count, flags) };
    if count_in_vain != 0 {
        for index in 0..usize::try_from(result).unwrap_or(0) {
            // SAFETY: the kernel has accepted so many.
            unsafe { rights::each(header(index), passed) };
        }
    }
    result
}

/// Notes what a message passes; false where it cannot be read, or nobody may try.
fn note(message: *const msghdr) -> bool {
    match rights::control(message) {
        Control::None => true,
        Control::Unreadable => false,
        Control::Readable => {
            // SAFETY: it can be read.
            unsafe { rights::each(message, passed) };
            true
        }
    }
}

/// Something that no process holds has `fd` from now on.
pub fn passed(fd: Fd) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.passes(fd),
        None => engine.ledger.pass(fd),
    });
}
