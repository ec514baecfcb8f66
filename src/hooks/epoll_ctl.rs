//! `epoll_ctl(2)`: which set watches which descriptor.
//!
//! That a set is about to watch it is written down before the call, and taken back if
//! the call fails: another thread may close the connection before we are back.

use crate::sys::guard::{Guard, engine, with_owner};
use crate::sys::{errno, real};
use libc::{EEXIST, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, c_int, epoll_event};
use softclose_core::holders::ledger::Joined;
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `epoll_ctl(2)`.
pub unsafe extern "C-unwind" fn epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    // SAFETY: the program's own call.
    let own_call = || unsafe { real::epoll_ctl(set, op, fd, event) };
    let (Some(set), Some(fd)) = (Fd::new(set), Fd::new(fd)) else { return own_call() };
    if op == EPOLL_CTL_ADD {
        return add(set, fd, own_call);
    }
    let result = own_call();
    if result == 0 {
        changed(set, op, fd);
    }
    result
}

fn add(set: Fd, fd: Fd, own_call: impl FnOnce() -> c_int) -> c_int {
    let Some(guard) = Guard::enter() else { return own_call() };
    let Some(owner) = guard.owner() else { return own_call() };
    owner.joining(fd, set);
    guard.own_call(|| {
        let result = own_call();
        owner.joined(fd, outcome(result));
        result
    })
}

/// Of a call that has just returned.
fn outcome(result: c_int) -> Joined {
    match result {
        0 => Joined::Now,
        _ if errno::get() == EEXIST => Joined::Before,
        _ => Joined::No,
    }
}

/// A call that has changed something has succeeded.
fn changed(set: Fd, op: c_int, fd: Fd) {
    match op {
        EPOLL_CTL_DEL => with_owner(|owner| owner.left(fd)),
        // How it came into the set, no hook has seen.
        EPOLL_CTL_MOD if is_not_known_to_be_watched(fd) => with_owner(|owner| owner.found_in(fd, set)),
        _ => {}
    }
}

/// Without a system call: an event loop may call for each event.
fn is_not_known_to_be_watched(fd: Fd) -> bool {
    engine().is_some_and(|engine| engine.ledger.is_not_known_to_be_watched(fd))
}
