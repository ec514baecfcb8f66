//! `sendmsg(2)` and `sendmmsg(2)`: a descriptor that is passed on may be in
//! flight, held by no process at all. Cancellation points: no guard.

use crate::sys::guard::Guard;
use crate::sys::{real, rights};
use libc::{c_int, c_uint, mmsghdr, msghdr};

#[unsafe(no_mangle)]
/// `sendmsg(2)`.
pub unsafe extern "C-unwind" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> isize {
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmsg(fd, message, flags) };
    if result >= 0 {
        // SAFETY: the kernel has accepted it.
        unsafe { passed(message) };
    }
    result
}

#[unsafe(no_mangle)]
/// `sendmmsg(2)`.
pub unsafe extern "C-unwind" fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { real::sendmmsg(fd, messages, count, flags) };
    for index in 0..usize::try_from(result).unwrap_or(0) {
        // SAFETY: the kernel has accepted so many.
        unsafe { passed(&raw const (*messages.add(index)).msg_hdr) };
    }
    result
}

/// # Safety
/// The kernel has just accepted this message.
unsafe fn passed(message: *const msghdr) {
    // SAFETY: the caller's.
    unsafe {
        if (*message).msg_controllen == 0 {
            return;
        }
        if let Some(guard) = Guard::enter()
            && let Some(owner) = guard.owner()
        {
            rights::each(message, |fd| owner.passed(fd));
        }
    }
}
