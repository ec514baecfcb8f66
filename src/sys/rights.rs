//! Descriptors in control messages (`SCM_RIGHTS`, unix(7)).
//!
//! A program may pass bad pointers, for which the kernel answers `EFAULT`. So a message is read only
//! after the kernel has accepted it, or where the kernel says that its memory can be read.

use super::guard::engine;
use super::libc_kind::is_musl;
use core::ffi::c_int;
use libc::{SCM_RIGHTS, SOL_SOCKET, cmsghdr, msghdr};
use softclose_core::sys::{Fd, probe};

/// The control part of a message that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It is empty.
    None,
    /// It can be read.
    Readable,
    /// It cannot be read, or the kernel must not be asked: every hook passes through.
    Unreadable,
}

/// Looks at a message that the kernel has not accepted yet.
pub fn control(message: *const msghdr) -> Control {
    if engine().is_none() {
        return Control::Unreadable;
    }
    // SAFETY: any bytes are a header, which is not read through here.
    match unsafe { probe::read(message) } {
        Some(header) if length(header.msg_controllen) == 0 => Control::None,
        Some(header) if probe::is_readable(header.msg_control as usize, length(header.msg_controllen)) => {
            Control::Readable
        }
        _ => Control::Unreadable,
    }
}

/// Calls `visit` for every descriptor in the control part of `message`.
///
/// # Safety
/// The kernel has just accepted or filled this message, or it can be read.
pub unsafe fn each(message: *const msghdr, mut visit: impl FnMut(Fd)) {
    // SAFETY: the caller's.
    let (start, len) = unsafe { ((*message).msg_control as usize, length((*message).msg_controllen)) };
    let mut at = 0;
    while start != 0 && len.saturating_sub(at) >= HEADER {
        let header = (start + at) as *const cmsghdr;
        // SAFETY: the caller's: it lies within the control part, and need not be aligned.
        let cmsghdr { cmsg_len, cmsg_level, cmsg_type, .. } = unsafe { header.read_unaligned() };
        // What the program says may be any number.
        let own_len = length(cmsg_len).min(len - at);
        let Some(bytes) = own_len.checked_sub(HEADER) else { return };
        if cmsg_level == SOL_SOCKET && cmsg_type == SCM_RIGHTS {
            // SAFETY: so many bytes follow the header.
            unsafe { each_number((start + at + HEADER) as *const c_int, bytes / size_of::<c_int>(), &mut visit) };
        }
        at += own_len.next_multiple_of(ALIGNMENT);
    }
}

/// `CMSG_ALIGN(sizeof(struct cmsghdr))`, and what control messages are aligned to (cmsg(3)).
const HEADER: usize = size_of::<cmsghdr>();
const ALIGNMENT: usize = size_of::<usize>();

/// A length in a header. musl has 32 bits there, and 32 that a program may leave as they are: musl's own functions
/// clear them in the copy that they give to the kernel.
fn length(word: usize) -> usize {
    if is_musl() { word as u32 as usize } else { word }
}

/// Calls `visit` for `count` numbers, which need not be aligned.
///
/// # Safety
/// They can be read.
unsafe fn each_number(numbers: *const c_int, count: usize, visit: &mut impl FnMut(Fd)) {
    for index in 0..count {
        // SAFETY: the caller's.
        Fd::new(unsafe { numbers.add(index).read_unaligned() }).into_iter().for_each(&mut *visit);
    }
}
