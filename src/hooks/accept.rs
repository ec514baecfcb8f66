//! `accept(2)` and `accept4(2)` make a connection. After the call, the connection is counted:
//! this process is its only holder.
//!
//! Both wait and are cancellation points: libc's function is called without a guard.

use crate::sys::guard::{Guard, engine};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use libc::{c_int, sockaddr, socklen_t};
use softclose_core::engine::Engine;
use softclose_core::holders::ledger::{Owner, Stamp};
use softclose_core::sys::socket::Role;
use softclose_core::sys::{Fd, socket};

/// `accept(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: the program's own call.
    accept_by(fd, || unsafe { real::accept(fd, addr, len) })
}

/// `accept4(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    accept_by(fd, || unsafe { real::accept4(fd, addr, len, flags) })
}

/// Accepts by `own_call`, libc's function or the system call, and counts the connection.
pub fn accept_by(listener: c_int, own_call: impl Fn() -> c_int + Copy) -> c_int {
    let since = stamp();
    let result = with_free_number(own_call);
    accepted(listener, result, since)
}

fn stamp() -> Option<Stamp> {
    engine().map(|engine| engine.ledger.stamp())
}

fn accepted(listener: c_int, result: c_int, since: Option<Stamp>) -> c_int {
    if let (Some(listener), Some(fd), Some(since)) = (Fd::new(listener), Fd::new(result), since)
        && let Some(guard) = Guard::enter()
        && let Some(owner) = guard.owner()
        && is_tcp(guard.engine(), owner, listener, fd)
    {
        owner.opened(fd, Role::Accepted, since);
        guard.engine().look_ahead();
        guard.engine().context.counters.publish();
    }
    result
}

/// Whether the accepted socket is a TCP socket. A listener that a hook saw being made answers
/// that. Any other listener may have options that no hook saw being set; the connection
/// inherits them (`sk_clone_lock`).
fn is_tcp(engine: &Engine, owner: Owner<'_>, listener: Fd, fd: Fd) -> bool {
    let is_known = owner.knows(listener);
    let is_tcp = is_known || socket::is_tcp(fd);
    if is_tcp && !is_known {
        engine.ledger.set_options();
    }
    is_tcp
}
