//! `connect(2)`: the program is the client of this connection.
//!
//! A cancellation point that may wait: libc's own is called without a guard. A
//! socket is a client's from `socket(2)` on until `accept` says otherwise, so
//! this matters for sockets that were made where no hook saw it.

use super::bind::{own_port, with_port};
use crate::sys::guard::Guard;
use crate::sys::{errno, real};
use libc::{EINPROGRESS, c_int, sockaddr, socklen_t};
use softclose_core::sys::{Fd, socket};

#[unsafe(no_mangle)]
/// `connect(2)`.
pub unsafe extern "C-unwind" fn connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the program's own call.
    let result = with_port(fd, own_port, || unsafe { real::connect(fd, addr, len) });
    if result == 0 || errno::get() == EINPROGRESS {
        connected(fd);
    }
    result
}

fn connected(fd: c_int) {
    if let Some(guard) = Guard::enter()
        && let Some(fd) = Fd::new(fd)
        && socket::is_tcp(fd)
        && let Some(owner) = guard.owner()
    {
        owner.connected(fd);
        guard.engine().context.counters.publish();
    }
}
