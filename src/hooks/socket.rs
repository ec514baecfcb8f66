//! `socket(2)` makes a socket. After the call, a TCP socket is counted: this process is its only
//! holder.
//!
//! Another library or a BPF program may make MPTCP of TCP. It does so with all sockets of a
//! program, so the first one is asked what it is.

use crate::sys::guard::{Guard, engine};
use crate::sys::real;
use crate::sys::retry::with_free_number;
use libc::{AF_INET, AF_INET6, IPPROTO_MPTCP, SOCK_STREAM, c_int};
use softclose_core::holders::ledger::Stamp;
use softclose_core::sys::socket::Role;
use softclose_core::sys::{Fd, socket::is_mptcp};

/// `socket(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    // SAFETY: the program's own call.
    let result = with_free_number(|| unsafe { real::socket(domain, kind, protocol) });
    if is_stream(domain, kind) {
        opened(result, protocol, since);
    }
    result
}

fn is_stream(domain: c_int, kind: c_int) -> bool {
    // The upper bits are SOCK_NONBLOCK and SOCK_CLOEXEC.
    matches!(domain, AF_INET | AF_INET6) && kind & 0xf == SOCK_STREAM
}

fn opened(result: c_int, protocol: c_int, since: Option<Stamp>) {
    if let (Some(fd), Some(since)) = (Fd::new(result), since)
        && let Some(guard) = Guard::enter()
        && let Some(owner) = guard.owner()
    {
        let is_first = !owner.has_sockets();
        if is_first {
            guard.engine().drain.make_room(fd);
        }
        owner.opened(fd, Role::Connected, since);
        if protocol == IPPROTO_MPTCP || is_first && is_mptcp(fd) {
            guard.engine().ledger.set_options();
        }
    }
}
