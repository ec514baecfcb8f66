//! `sendmsg(2)` and `sendmmsg(2)` send messages, which may carry descriptors. Such a descriptor may
//! be in flight: then no process holds it. Both are cancellation points: no guard is held.
//!
//! The hook notes what is passed before the call: as soon as the kernel has the message, another
//! thread or process may close its own descriptor. If the message is not sent, at most a drain is
//! lost.

use crate::sys::guard::{with_guard, with_owner};
use crate::sys::real;
use crate::sys::rights::{self, Control};
use libc::{c_int, c_uint, mmsghdr, msghdr};
use softclose_core::holders::ledger::Departure;
use softclose_core::sys::Fd;

/// `sendmsg(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> isize {
    // SAFETY: the program's own call.
    unsafe { sendmsg_by(fd, message, || real::sendmsg(fd, message, flags)) }
}

/// Sends by `own_call`, libc's function or the system call, and notes what is passed.
///
/// # Safety
/// `own_call` sends `message`.
pub unsafe fn sendmsg_by(fd: c_int, message: *const msghdr, own_call: impl FnOnce() -> isize + Copy) -> isize {
    let noted = note(fd, message);
    let result = own_call();
    match noted {
        // SAFETY: the kernel has accepted it.
        Noted::Unreadable if result >= 0 => unsafe { rights::each(message, |fd| _ = passed(fd, NO_SOCKET)) },
        Noted::Departed(departures) if result < 0 => departures.into_iter().flatten().for_each(not_passed),
        _ => {}
    }
    result
}

/// `sendmmsg(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    unsafe { sendmmsg_by(fd, messages, count, || real::sendmmsg(fd, messages, count, flags)) }
}

/// As [`sendmsg_by`], for several messages. Those that are not sent stay noted as under way.
///
/// # Safety
/// `own_call` sends `messages`.
pub unsafe fn sendmmsg_by(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    own_call: impl FnOnce() -> c_int + Copy,
) -> c_int {
    /// The kernel takes no more (`UIO_MAXIOV`).
    const MOST: usize = 1024;
    let header = |index| messages.wrapping_add(index).cast_const().cast::<msghdr>();
    let is_unreadable = |&index: &usize| matches!(note(fd, header(index)), Noted::Unreadable);
    let count_in_vain = (0..MOST.min(count as usize)).filter(is_unreadable).count();
    let result = own_call();
    if count_in_vain != 0 {
        for index in 0..usize::try_from(result).unwrap_or(0) {
            // SAFETY: the kernel has accepted so many.
            unsafe { rights::each(header(index), |fd| _ = passed(fd, NO_SOCKET)) };
        }
    }
    result
}

/// What was noted of a message before it was sent.
enum Noted {
    /// What the message passes. The first four notes are taken back if it is not sent.
    Departed([Option<Departure>; 4]),
    /// The message cannot be read, or must not be read.
    Unreadable,
}

/// Notes what a message that is sent on socket `via` passes.
fn note(via: c_int, message: *const msghdr) -> Noted {
    let mut departures = [None; 4];
    match rights::control(message) {
        Control::None => {}
        Control::Unreadable => return Noted::Unreadable,
        Control::Readable => {
            let mut places = departures.iter_mut();
            let note = |fd| {
                let departure = passed(fd, via);
                places.next().into_iter().for_each(|place| *place = departure);
            };
            // SAFETY: it can be read.
            unsafe { rights::each(message, note) };
        }
    }
    Noted::Departed(departures)
}

/// No socket: messages on it are not counted.
pub const NO_SOCKET: c_int = -1;

/// Notes that something which is no process (a message, a request) holds `fd` from now on.
pub fn passed(fd: Fd, via: c_int) -> Option<Departure> {
    let mut departure = None;
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => departure = owner.passes(fd, Fd::new(via)),
        None => engine.ledger.pass(fd),
    });
    departure
}

fn not_passed(departure: Departure) {
    with_owner(|owner| owner.not_passed(departure));
}
