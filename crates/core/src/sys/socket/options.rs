//! Socket options, and flags of the open file description, that change how a connection ends.
//!
//! Context: async-signal-safe; one system call each.

use crate::sys::Fd;
use crate::sys::raw::{IPPROTO_TCP, nr, syscall6};
use core::time::Duration;
use rustix::fs::OFlags;
use rustix::io::Result;
use rustix::net::sockopt;

const TCP_REPAIR: usize = 19;

/// Whether an option, by level and name as in `setsockopt(2)`, changes how a connection
/// ends, or what may be under way by then: `SO_LINGER`, `TCP_REPAIR`, `SO_SNDBUF`.
pub fn changes_the_end(level: i32, name: i32) -> bool {
    const SOL_SOCKET: i32 = 1;
    const SO_SNDBUF: i32 = 7;
    const SO_LINGER: i32 = 13;
    const SO_SNDBUFFORCE: i32 = 32;
    matches!((level, name), (SOL_SOCKET, SO_LINGER | SO_SNDBUF | SO_SNDBUFFORCE))
        || (level, name) == (IPPROTO_TCP as i32, TCP_REPAIR as i32)
}

/// `SO_LINGER` in seconds, `None` where it is off.
pub fn linger(fd: Fd) -> Option<u64> {
    sockopt::socket_linger(fd).ok().flatten().map(|time| time.as_secs())
}

/// Switches `SO_LINGER` off; best effort.
pub fn linger_off(fd: Fd) {
    let _ = sockopt::set_socket_linger(fd, None);
}

/// `SO_LINGER{1,seconds}`: with 0 the close is a reset (`tcp_disconnect`), else it waits
/// for so long until all is acknowledged (`inet_release`, `sk_stream_wait_close`).
///
/// # Errors
/// `EBADF`.
pub fn set_linger(fd: Fd, seconds: u32) -> Result<()> {
    sockopt::set_socket_linger(fd, Some(Duration::from_secs(u64::from(seconds))))
}

/// Whether the connection is being moved elsewhere (`TCP_REPAIR`): its close is
/// to be silent.
pub fn is_under_repair(fd: Fd) -> bool {
    let (mut mode, mut len) = (0u32, 4u32);
    let args = [fd.index(), IPPROTO_TCP, TCP_REPAIR, (&raw mut mode) as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes one int into `mode`, and `len`.
    let done = unsafe { syscall6(nr::GETSOCKOPT, args) };
    done.is_ok() && mode != 0
}

/// Undoes the program's `SO_RCVLOWAT`: every byte is an event for the drain.
pub fn report_every_byte(fd: Fd) {
    const SOL_SOCKET: usize = 1;
    const SO_RCVLOWAT: usize = 18;
    let one = 1u32;
    // SAFETY: the kernel reads one int.
    let _ = unsafe { syscall6(nr::SETSOCKOPT, [fd.index(), SOL_SOCKET, SO_RCVLOWAT, (&raw const one) as usize, 4, 0]) };
}

/// Stops `SIGIO` and `SIGURG` from this description: the owner lives on it, not
/// on the descriptor (`F_SETOWN`, fcntl(2)).
pub fn stop_signals(fd: Fd) {
    const F_SETOWN: usize = 8;
    // SAFETY: fcntl with integer arguments only.
    let _ = unsafe { syscall6(nr::FCNTL, [fd.index(), F_SETOWN, 0, 0, 0, 0]) };
}

/// Whether calls on this description do not wait (`O_NONBLOCK`).
pub fn is_nonblocking(fd: Fd) -> bool {
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}
