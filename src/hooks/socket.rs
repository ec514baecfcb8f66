//! `socket(2)`: a new TCP socket has one holder, us.

use crate::sys::errno::call;
use crate::sys::guard::{Guard, with_relief};
use crate::sys::real::is_ready;
use libc::{AF_INET, AF_INET6, SOCK_STREAM, c_int};
use softclose_core::ledger::table::Role;
use softclose_core::sys::Fd;
use softclose_core::sys::raw::nr;

redhook::hook! {
    unsafe fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int => my_socket {
        let own_call = || {
            if is_ready() {
                // SAFETY: the program's own call.
                unsafe { redhook::real!(socket)(domain, kind, protocol) }
            } else {
                // SAFETY: the same call, the same arguments.
                unsafe { call(nr::SOCKET, [domain as usize, kind as usize, protocol as usize, 0, 0, 0]) }
            }
        };
        match Guard::enter() {
            Some(guard) if is_stream(domain, kind) => opened(&guard, own_call),
            Some(guard) => guard.own_call(|| with_relief(own_call)),
            None => own_call(),
        }
    }
}

/// Has redhook resolve it.
pub fn touch() {
    let _ = redhook::real!(socket);
}

fn is_stream(domain: c_int, kind: c_int) -> bool {
    // The upper bits are SOCK_NONBLOCK and SOCK_CLOEXEC.
    matches!(domain, AF_INET | AF_INET6) && kind & 0xf == SOCK_STREAM
}

fn opened(guard: &Guard, own_call: impl Fn() -> c_int) -> c_int {
    let since = guard.engine().ledger.stamp();
    let result = guard.own_call(|| with_relief(own_call));
    if let (Some(fd), Some(owner)) = (Fd::new(result), guard.owner()) {
        owner.opened(fd, Role::Connected, since);
    }
    result
}
