//! Descriptors in control messages (`SCM_RIGHTS`, unix(7)).
//!
//! A program may pass bad pointers, for which the kernel answers `EFAULT`. So a message is read only
//! after the kernel has accepted it, or where the kernel says that its memory can be read.

use super::guard::engine;
use libc::{CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, SCM_RIGHTS, SOL_SOCKET, cmsghdr, msghdr};
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
        Some(header) if header.msg_controllen == 0 => Control::None,
        Some(header) if probe::is_readable(header.msg_control as usize, header.msg_controllen) => Control::Readable,
        _ => Control::Unreadable,
    }
}

/// Calls `visit` for every descriptor in the control part of `message`.
///
/// # Safety
/// The kernel has just accepted or filled this message, or it can be read.
pub unsafe fn each(message: *const msghdr, mut visit: impl FnMut(Fd)) {
    // SAFETY: the caller's; the macros stay within `msg_controllen`.
    unsafe {
        if (*message).msg_controllen == 0 || (*message).msg_control.is_null() {
            return;
        }
        let mut header = CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == SOL_SOCKET && (*header).cmsg_type == SCM_RIGHTS {
                let end = (*message).msg_control as usize + (*message).msg_controllen;
                each_in(header, end, &mut visit);
            }
            header = CMSG_NXTHDR(message, header);
        }
    }
}

/// Calls `visit` for every descriptor of one control message.
///
/// # Safety
/// `header` is a `SCM_RIGHTS` message that can be read up to `end`.
unsafe fn each_in(header: *const cmsghdr, end: usize, visit: &mut impl FnMut(Fd)) {
    // SAFETY: the caller's; `cmsg_len` covers the header and the numbers, which
    // need not be aligned.
    unsafe {
        let data = CMSG_DATA(header).cast::<libc::c_int>();
        let len = (*header).cmsg_len.min(end.saturating_sub(header as usize));
        let bytes = len.saturating_sub(data as usize - header as usize);
        for index in 0..bytes / size_of::<libc::c_int>() {
            if let Some(fd) = Fd::new(data.add(index).read_unaligned()) {
                visit(fd);
            }
        }
    }
}
