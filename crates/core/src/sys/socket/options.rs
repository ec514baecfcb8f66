//! Socket options, and flags of the open file description, that change how a connection ends.
//!
//! Context: async-signal-safe; one system call each.

use crate::sys::fd::Fd;
use crate::sys::raw::{IPPROTO_TCP, nr, syscall6};
use core::time::Duration;
use rustix::fs::OFlags;
use rustix::io::Result;
use rustix::net::sockopt;

const TCP_REPAIR: usize = 19;

/// Whether an option, given by level and name as in `setsockopt(2)`, changes how a connection ends or
/// how much may be unsent at its end: `SO_LINGER`, `TCP_REPAIR`, `SO_SNDBUF`.
pub fn changes_the_end(level: i32, name: i32) -> bool {
    const SOL_SOCKET: i32 = 1;
    const SO_SNDBUF: i32 = 7;
    const SO_LINGER: i32 = 13;
    const SO_SNDBUFFORCE: i32 = 32;
    matches!((level, name), (SOL_SOCKET, SO_LINGER | SO_SNDBUF | SO_SNDBUFFORCE))
        || (level, name) == (IPPROTO_TCP as i32, TCP_REPAIR as i32)
}

/// The seconds of `SO_LINGER`; `None` where it is off.
pub fn linger(fd: Fd) -> Option<u64> {
    sockopt::socket_linger(fd).ok().flatten().map(|time| time.as_secs())
}

/// Switches `SO_LINGER` off. Errors are ignored.
pub fn linger_off(fd: Fd) {
    let _ = sockopt::set_socket_linger(fd, None);
}

/// Sets `SO_LINGER` to this many seconds. With 0, the close resets the connection
/// (`tcp_disconnect`). Otherwise the close waits until all data is acknowledged, at most for that
/// long (`inet_release`, `sk_stream_wait_close`).
///
/// # Errors
/// `EBADF`.
pub fn set_linger(fd: Fd, seconds: u32) -> Result<()> {
    sockopt::set_socket_linger(fd, Some(Duration::from_secs(u64::from(seconds))))
}

/// Whether the socket is in repair mode (`TCP_REPAIR`): its connection is being moved to another
/// process or machine, and its close sends nothing.
pub fn is_under_repair(fd: Fd) -> bool {
    let (mut mode, mut len) = (0u32, 4u32);
    let args = [fd.index(), IPPROTO_TCP, TCP_REPAIR, (&raw mut mode) as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes one int into `mode`, and `len`.
    let done = unsafe { syscall6(nr::GETSOCKOPT, args) };
    done.is_ok() && mode != 0
}

/// Sets `SO_RCVLOWAT` to 1, so that every byte that arrives is an event for the drain. The program
/// may have raised it. Errors are ignored.
pub fn report_every_byte(fd: Fd) {
    const SOL_SOCKET: usize = 1;
    const SO_RCVLOWAT: usize = 18;
    let one = 1u32;
    // SAFETY: the kernel reads one int.
    let _ = unsafe { syscall6(nr::SETSOCKOPT, [fd.index(), SOL_SOCKET, SO_RCVLOWAT, (&raw const one) as usize, 4, 0]) };
}

/// Stops `SIGIO` and `SIGURG` for this socket, by removing the owner (`F_SETOWN`). The owner belongs
/// to the open file description, so it outlives the program's descriptor (fcntl(2)). To ask first would be
/// quicker, but an owner in an outer pid namespace is answered as none (`f_getown`).
pub fn stop_signals(fd: Fd) {
    const F_SETOWN: usize = 8;
    // SAFETY: fcntl with integer arguments only.
    let _ = unsafe { syscall6(nr::FCNTL, [fd.index(), F_SETOWN, 0, 0, 0, 0]) };
}

/// Whether calls on this open file description do not wait (`O_NONBLOCK`).
pub fn is_nonblocking(fd: Fd) -> bool {
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}
