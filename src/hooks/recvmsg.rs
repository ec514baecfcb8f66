//! `recvmsg(2)` and `recvmmsg(2)` receive messages, which may carry descriptors. After the call,
//! each such descriptor is noted: other processes may have received it as well. Both are
//! cancellation points: libc's functions are called without a guard.

use crate::sys::guard::{engine, with_guard};
use crate::sys::{real, rights};
use libc::{MSG_PEEK, c_int, c_uint, mmsghdr, msghdr, timespec};
use softclose_core::holders::ledger::{Message, Stamp};
use softclose_core::sys::Fd;

/// `recvmsg(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> isize {
    // SAFETY: the program's own call.
    unsafe { recvmsg_by(fd, message, flags, || real::recvmsg(fd, message, flags)) }
}

/// Receives by `own_call`, libc's function or the system call, and notes what has come.
///
/// # Safety
/// `own_call` fills `message`.
pub unsafe fn recvmsg_by(
    fd: c_int,
    message: *mut msghdr,
    flags: c_int,
    own_call: impl FnOnce() -> isize + Copy,
) -> isize {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = own_call();
    if let Some(since) = since.filter(|_| result >= 0) {
        // SAFETY: the kernel has filled it.
        unsafe { rights::each(message, |found| received(found, fd, flags, since)) };
    }
    result
}

/// `recvmmsg(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the program's own call.
    unsafe { recvmmsg_by(fd, messages, flags, || real::recvmmsg(fd, messages, count, flags, timeout)) }
}

/// As [`recvmsg_by`], for several messages.
///
/// # Safety
/// `own_call` fills as many of `messages` as it answers.
pub unsafe fn recvmmsg_by(
    fd: c_int,
    messages: *mut mmsghdr,
    flags: c_int,
    own_call: impl FnOnce() -> c_int + Copy,
) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = own_call();
    let filled = usize::try_from(result).unwrap_or(0);
    if let Some(since) = since {
        for index in 0..filled {
            // SAFETY: the kernel has filled so many.
            unsafe {
                rights::each(&raw const (*messages.add(index)).msg_hdr, |found| received(found, fd, flags, since))
            };
        }
    }
    result
}

fn received(fd: Fd, via: c_int, flags: c_int, since: Stamp) {
    let message = Fd::new(via).map(|via| Message { via, is_peeked: flags & MSG_PEEK != 0 });
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.received(fd, message, since),
        None => engine.ledger.pass(fd),
    });
}
