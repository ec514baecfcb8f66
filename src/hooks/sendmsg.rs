//! `sendmsg(2)` and `sendmmsg(2)`: a descriptor that is passed on may be in
//! flight, held by no process at all. Cancellation points: no guard.
//!
//! What is passed is noted before the call: as soon as the kernel has the message, another
//! thread or process may close its own. A message that is not sent has cost no more than a
//! drain.

use crate::sys::guard::{with_guard, with_owner};
use crate::sys::real;
use crate::sys::rights::{self, Control};
use libc::{c_int, c_uint, mmsghdr, msghdr};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `sendmsg(2)`.
pub unsafe extern "C-unwind" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> isize {
    let noted = note(fd, message);
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmsg(fd, message, flags) };
    settle(fd, message, noted, result >= 0);
    result
}

#[unsafe(no_mangle)]
/// `sendmmsg(2)`.
pub unsafe extern "C-unwind" fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    /// The kernel takes no more (`UIO_MAXIOV`).
    const MOST: usize = 1024;
    let header = |index| messages.wrapping_add(index).cast_const().cast::<msghdr>();
    let count = MOST.min(count as usize);
    let all = (0..count).map(|index| note(fd, header(index)));
    // Of messages that cannot be told apart later on, none is one that was not sent.
    let (mut is_any, mut is_unreadable) = (false, false);
    all.for_each(|noted| {
        is_any |= noted == Noted::Passes;
        is_unreadable |= noted == Noted::Unreadable;
    });
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmmsg(fd, messages, count as c_uint, flags) };
    let sent = usize::try_from(result).unwrap_or(0);
    if is_unreadable {
        (0..sent).for_each(|index| settle(fd, header(index), Noted::Unreadable, true));
    } else if is_any {
        (sent..count).for_each(|index| settle(fd, header(index), Noted::Passes, false));
    }
    result
}

/// What was noted of a message before it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// It passes nothing.
    Nothing,
    /// What it passes.
    Passes,
    /// It cannot be read, or nobody may try.
    Unreadable,
}

/// Notes what a message on `via` passes.
fn note(via: c_int, message: *const msghdr) -> Noted {
    match rights::control(message) {
        Control::None => Noted::Nothing,
        Control::Unreadable => Noted::Unreadable,
        Control::Readable => {
            // SAFETY: it can be read.
            unsafe { rights::each(message, |fd| passed(fd, via)) };
            Noted::Passes
        }
    }
}

/// After the call: what was not sent is not under way, and what could not be read before is
/// noted now.
fn settle(via: c_int, message: *const msghdr, noted: Noted, is_sent: bool) {
    match (noted, is_sent) {
        // SAFETY: the kernel has accepted it.
        (Noted::Unreadable, true) => unsafe { rights::each(message, |fd| passed(fd, NO_SOCKET)) },
        // SAFETY: it could be read.
        (Noted::Passes, false) => unsafe { rights::each(message, |fd| not_passed(fd, via)) },
        _ => {}
    }
}

/// On which nobody counts messages.
pub const NO_SOCKET: c_int = -1;

/// Something that no process holds has `fd` from now on.
pub fn passed(fd: Fd, via: c_int) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.passes(fd, Fd::new(via)),
        None => engine.ledger.pass(fd),
    });
}

fn not_passed(fd: Fd, via: c_int) {
    with_owner(|owner| owner.not_passed(fd, Fd::new(via)));
}
