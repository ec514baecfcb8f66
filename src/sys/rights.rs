//! Descriptors in control messages (`SCM_RIGHTS`, unix(7)).
//!
//! A program may pass pointers that are not good; libc then answers `EFAULT`. So
//! a message is read only after the kernel has accepted it, which proves that it
//! can be.

use libc::{CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, SCM_RIGHTS, SOL_SOCKET, cmsghdr, msghdr};
use softclose_core::sys::Fd;

/// Calls `visit` for every descriptor in the control part of `message`.
///
/// # Safety
/// The kernel has just accepted or filled this message.
pub unsafe fn each(message: *const msghdr, mut visit: impl FnMut(Fd)) {
    // SAFETY: the caller's; the macros stay within `msg_controllen`.
    unsafe {
        if (*message).msg_control.is_null() {
            return;
        }
        let mut header = CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == SOL_SOCKET && (*header).cmsg_type == SCM_RIGHTS {
                each_in(header, &mut visit);
            }
            header = CMSG_NXTHDR(message, header);
        }
    }
}

/// # Safety
/// `header` is a valid `SCM_RIGHTS` message.
unsafe fn each_in(header: *const cmsghdr, visit: &mut impl FnMut(Fd)) {
    // SAFETY: the caller's; `cmsg_len` covers the header and the numbers, which
    // need not be aligned.
    unsafe {
        let data = CMSG_DATA(header).cast::<libc::c_int>();
        let bytes = (*header).cmsg_len.saturating_sub(data as usize - header as usize);
        for index in 0..bytes / size_of::<libc::c_int>() {
            if let Some(fd) = Fd::new(data.add(index).read_unaligned()) {
                visit(fd);
            }
        }
    }
}
