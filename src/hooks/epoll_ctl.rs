//! `epoll_ctl(2)`: which set watches which descriptor.

use crate::sys::errno::call;
use crate::sys::guard::Guard;
use crate::sys::real::is_ready;
use libc::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, c_int, epoll_event};
use softclose_core::sys::Fd;
use softclose_core::sys::raw::nr;

redhook::hook! {
    unsafe fn epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int => my_epoll_ctl {
        let own_call = || {
            if is_ready() {
                // SAFETY: the program's own call.
                unsafe { redhook::real!(epoll_ctl)(set, op, fd, event) }
            } else {
                // SAFETY: the same call, the same arguments.
                unsafe { call(nr::EPOLL_CTL, [set as usize, op as usize, fd as usize, event as usize, 0, 0]) }
            }
        };
        let Some(guard) = Guard::enter() else { return own_call() };
        let result = guard.own_call(own_call);
        if result == 0 {
            changed(&guard, set, op, fd);
        }
        result
    }
}

/// Has redhook resolve it.
pub fn touch() {
    let _ = redhook::real!(epoll_ctl);
}

fn changed(guard: &Guard, set: c_int, op: c_int, fd: c_int) {
    let (Some(set), Some(fd), Some(owner)) = (Fd::new(set), Fd::new(fd), guard.owner()) else { return };
    match op {
        EPOLL_CTL_ADD => owner.watched(fd, set),
        EPOLL_CTL_DEL => owner.unwatched(fd, set),
        _ => {}
    }
}
