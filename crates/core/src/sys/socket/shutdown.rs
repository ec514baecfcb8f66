//! `shutdown(2)`: of the send side, the receive side, or both.
//!
//! Context: async-signal-safe; nothing here waits.

use crate::sys::Fd;
use rustix::io::Result;
use rustix::net::Shutdown;

/// Half-close: sends what is queued, then the FIN (`tcp_shutdown`).
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn half_close(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Write)
}

/// Shuts the receive side: readers get the end, and data that comes from now on is
/// answered with a RST once our own side is shut (`tcp_rcv_state_process`).
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn shut_receive(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Read)
}

/// Both halves at once; as [`half_close`] and [`shut_receive`].
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn shut_both(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Both)
}
