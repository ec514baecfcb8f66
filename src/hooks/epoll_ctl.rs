//! `epoll_ctl(2)` has an epoll set watch a descriptor, or watch it no more. The hook notes which
//! set watches which connection.
//!
//! It notes it before the call, and takes the note back if the call fails: another thread may
//! close the connection before the call returns.

use crate::sys::guard::{Guard, engine, with_owner};
use crate::sys::{errno, real};
use libc::{EEXIST, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, c_int, epoll_event};
use softclose_core::holders::ledger::Joined;
use softclose_core::sys::Fd;

/// `epoll_ctl(2)`.
#[unsafe(no_mangle)]
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

fn add(set: Fd, fd: Fd, own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    let Some(guard) = Guard::enter() else { return own_call() };
    let Some(owner) = guard.owner() else { return own_call() };
    owner.joining(fd, set);
    guard.own_call(|| {
        let result = own_call();
        owner.joined(fd, outcome(result));
        result
    })
}

/// What an `EPOLL_CTL_ADD` that has just returned has done.
fn outcome(result: c_int) -> Joined {
    match result {
        0 => Joined::Now,
        _ if errno::get() == EEXIST => Joined::Before,
        _ => Joined::No,
    }
}

/// Notes what a successful `EPOLL_CTL_DEL` or `EPOLL_CTL_MOD` has changed.
fn changed(set: Fd, op: c_int, fd: Fd) {
    match op {
        EPOLL_CTL_DEL => with_owner(|owner| owner.left(fd)),
        // No hook has seen how it came into the set.
        EPOLL_CTL_MOD if is_not_known_to_be_watched(fd) => with_owner(|owner| owner.found_in(fd, set)),
        _ => {}
    }
}

/// Answers without a system call: an event loop may call `epoll_ctl` for each event.
fn is_not_known_to_be_watched(fd: Fd) -> bool {
    engine().is_some_and(|engine| engine.ledger.is_not_known_to_be_watched(fd))
}
