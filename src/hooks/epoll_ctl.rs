//! `epoll_ctl(2)`: which set watches which descriptor.

use crate::sys::guard::Guard;
use crate::sys::real;
use libc::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, c_int, epoll_event};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `epoll_ctl(2)`.
pub unsafe extern "C-unwind" fn epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { real::epoll_ctl(set, op, fd, event) };
    if result == 0 && op != libc::EPOLL_CTL_MOD {
        changed(set, op, fd);
    }
    result
}

fn changed(set: c_int, op: c_int, fd: c_int) {
    let Some(guard) = Guard::enter() else { return };
    let (Some(set), Some(fd), Some(owner)) = (Fd::new(set), Fd::new(fd), guard.owner()) else { return };
    match op {
        EPOLL_CTL_ADD => owner.watched(fd, set),
        EPOLL_CTL_DEL => owner.unwatched(fd, set),
        _ => {}
    }
}
