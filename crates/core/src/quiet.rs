//! Whether a peer that does not close may be left all the same.
//!
//! Context: any thread; two or three system calls.

use crate::sys::{Fd, socket};

/// For how long a peer must have sent nothing, in milliseconds.
const QUIET_MS: u32 = 250;

/// Whether the peer has acknowledged everything and is not sending. RFC 9112 section 9.6 allows a
/// server to close then. To wait longer would be safer still, but an idle keep-alive peer must
/// not hold up the end of a process.
pub fn is_quiet(fd: Fd) -> bool {
    let Ok(info) = socket::tcp_info(fd) else { return true };
    socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0 && info.last_data_recv >= QUIET_MS
}
