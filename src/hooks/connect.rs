//! `connect(2)` makes the program the client of a connection. After the call, the socket is noted
//! as a client's. `socket` has noted that already; this is for sockets that no hook saw being
//! made. It may wait and is a cancellation point: libc's function is called without a guard.

use super::bind::{own_port, with_port};
use crate::sys::guard::Guard;
use crate::sys::{errno, real};
use libc::{EINPROGRESS, c_int, sockaddr, socklen_t};
use softclose_core::sys::{Fd, socket};

/// `connect(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the program's own call.
    connect_by(fd, || unsafe { real::connect(fd, addr, len) })
}

/// Connects by `own_call`, libc's function or the system call, and notes the connection.
pub fn connect_by(fd: c_int, own_call: impl Fn() -> c_int + Copy) -> c_int {
    let result = with_port(fd, own_port, own_call);
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
