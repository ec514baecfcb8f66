//! `recvmsg(2)` and `recvmmsg(2)`: a descriptor that was passed to us may have
//! been passed to others as well. Cancellation points: no guard.

use crate::sys::guard::with_guard;
use crate::sys::{real, rights};
use libc::{c_int, c_uint, mmsghdr, msghdr, timespec};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `recvmsg(2)`.
pub unsafe extern "C-unwind" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> isize {
    // SAFETY: the program's own call.
    let result = unsafe { real::recvmsg(fd, message, flags) };
    if result >= 0 {
        // SAFETY: the kernel has filled it.
        unsafe { rights::each(message, received) };
    }
    result
}

#[unsafe(no_mangle)]
/// `recvmmsg(2)`.
pub unsafe extern "C-unwind" fn recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { real::recvmmsg(fd, messages, count, flags, timeout) };
    for index in 0..usize::try_from(result).unwrap_or(0) {
        // SAFETY: the kernel has filled so many.
        unsafe { rights::each(&raw const (*messages.add(index)).msg_hdr, received) };
    }
    result
}

fn received(fd: Fd) {
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => owner.received(fd),
        None => engine.ledger.pass(fd),
    });
}
