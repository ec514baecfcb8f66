//! `bind(2)` and `listen(2)` take a local port. Where a call fails because the port is busy, the
//! drain resets the connections on it that would natively have been reset, and the call is made
//! again; see [`softclose_core::drain::ports`].

use crate::sys::guard::Guard;
use crate::sys::{errno, real};
use libc::{EADDRINUSE, EADDRNOTAVAIL, c_int, sockaddr, sockaddr_in, socklen_t};
use softclose_core::sys::{Fd, socket};

/// `bind(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bind(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: the program's own call.
    let bind = || unsafe { real::bind(fd, addr, len) };
    // SAFETY: the kernel has read the address, or the port is not asked for.
    with_port(fd, |_| unsafe { port_of(addr, len) }, bind)
}

/// `listen(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn listen(fd: c_int, backlog: c_int) -> c_int {
    // SAFETY: the program's own call.
    with_port(fd, own_port, || unsafe { real::listen(fd, backlog) })
}

/// Makes a call that takes a local port for `fd`. Where the drain has then given up that port,
/// the call is made again. `own_call` may unwind.
pub fn with_port(fd: c_int, port: impl Fn(Fd) -> u16, own_call: impl Fn() -> c_int + Copy) -> c_int {
    let result = own_call();
    let is_busy = result < 0 && matches!(errno::get(), EADDRINUSE | EADDRNOTAVAIL);
    if is_busy && is_freed(fd, port) { own_call() } else { result }
}

/// The local port that `fd` has already; 0 where it has none.
pub fn own_port(fd: Fd) -> u16 {
    socket::local_address(fd).map_or(0, |(_, port)| port)
}

/// The port in a socket address.
///
/// # Safety
/// The kernel has read `len` bytes at `addr`.
unsafe fn port_of(addr: *const sockaddr, len: socklen_t) -> u16 {
    if (len as usize) < size_of::<sockaddr_in>() {
        return 0;
    }
    // SAFETY: the caller's; IPv4 and IPv6 addresses have the port in the same place.
    u16::from_be(unsafe { (*addr.cast::<sockaddr_in>()).sin_port })
}

#[cold]
#[inline(never)]
fn is_freed(fd: c_int, port: impl Fn(Fd) -> u16) -> bool {
    let Some(guard) = Guard::enter() else { return false };
    let tcp = Fd::new(fd).filter(|&fd| guard.owner().is_some() && socket::is_tcp(fd));
    tcp.is_some_and(|fd| guard.engine().drain.free_port(port(fd)))
}
