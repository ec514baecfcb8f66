//! `shutdown(2)` of the send side, the receive side, or both; and the end of a connection for all who have it.
//!
//! Context: async-signal-safe; nothing here waits.

use super::queues::unread;
use crate::sys::fd::Fd;
use rustix::io::Result;
use rustix::net::Shutdown;

/// Shuts the send side (half-close): the kernel sends what is queued, then the FIN (`tcp_shutdown`).
///
/// # Errors
/// `ENOTCONN`: there is no connection any more.
pub fn half_close(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Write)
}

/// Shuts the receive side: reads answer 0. Once the send side is shut as well, the kernel answers
/// data that arrives with a reset (`tcp_rcv_state_process`).
///
/// # Errors
/// `ENOTCONN`: there is no connection any more.
pub fn shut_receive(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Read)
}

/// Shuts both sides in one call, as [`half_close`] and [`shut_receive`] do.
///
/// # Errors
/// `ENOTCONN`: there is no connection any more.
pub fn shut_both(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Both)
}

/// Ends the connection whoever else may have it: a close ends it only if nobody has. The peer sees what
/// it sees of a close by the last holder: a reset at once if something is unread (`tcp_disconnect`), else
/// the FIN, and a reset for whatever it sends then.
pub fn cut_off(fd: Fd) {
    // A failure leaves it to the close: there is no connection any more, or a thread waits in a call on it.
    let _ = if unread(fd) == 0 { shut_both(fd) } else { rustix::net::connect_unspec(fd) };
}
