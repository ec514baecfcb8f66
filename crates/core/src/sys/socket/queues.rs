//! How many bytes of a connection are unread, unsent, unacknowledged, read and written.
//!
//! Context: async-signal-safe; one or a few system calls a question.

use super::identity::is_socket;
use super::state::{counter, tcp_info};
use crate::sys::Fd;
use crate::sys::raw::{nr, syscall6};
use rustix::io::Result;
use rustix::net::sockopt;

const SIOCOUTQ: usize = 0x5411;
const SIOCOUTQNSD: usize = 0x894B;

/// Bytes that wait to be read (`SIOCINQ`); 0 where the kernel does not say.
pub fn unread(fd: Fd) -> u64 {
    rustix::io::ioctl_fionread(fd).unwrap_or(0)
}

/// Bytes that the peer has not acknowledged (`SIOCOUTQ`, RFC 9293 3.10.4).
pub fn unacknowledged(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQ).unwrap_or(u32::MAX)
}

/// Bytes of the program's that the peer has not acknowledged: our FIN takes a sequence
/// number as well.
pub fn undelivered(fd: Fd) -> u32 {
    const ESTABLISHED: u8 = 1;
    const CLOSE_WAIT: u8 = 8;
    match queued(fd, SIOCOUTQ).unwrap_or(0) {
        0 => 0,
        queued if tcp_info(fd).is_ok_and(|info| matches!(info.state, ESTABLISHED | CLOSE_WAIT)) => queued,
        queued => queued - 1,
    }
}

/// Bytes that have not been sent even once (`SIOCOUTQNSD`); 0 where the kernel does not
/// say.
pub fn unsent(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQNSD).unwrap_or(0)
}

fn queued(fd: Fd, which: usize) -> Result<u32> {
    let mut bytes = 0u32;
    // SAFETY: the kernel writes one int into `bytes`.
    unsafe { syscall6(nr::IOCTL, [fd.index(), which, (&raw mut bytes) as usize, 0, 0, 0]) }?;
    Ok(bytes)
}

/// Bytes that the program has read from this connection so far:
/// `tcpi_bytes_received` without what is queued.
pub fn consumed(fd: Fd) -> u64 {
    const BYTES_RECEIVED: usize = 128;
    counter(fd, BYTES_RECEIVED).wrapping_sub(unread(fd))
}

/// Bytes that the program has written to this connection so far: acknowledged
/// (`tcpi_bytes_acked`) and not yet. Two questions, between which something may be
/// acknowledged: then it looks as if something had been written.
pub fn written(fd: Fd) -> u64 {
    const BYTES_ACKED: usize = 120;
    const TRIES: u32 = 4;
    let acknowledged = || counter(fd, BYTES_ACKED);
    let mut before = acknowledged();
    for _ in 0..TRIES {
        let rest = unacknowledged(fd);
        let after = acknowledged();
        if after == before {
            return after.wrapping_add(u64::from(rest));
        }
        before = after;
    }
    before.wrapping_add(u64::from(unacknowledged(fd)))
}

/// Whether the send buffer is so small that it may have been full, though hardly anything is
/// left in it: then a writer may have been woken that has not come to run yet.
pub fn may_have_been_full(fd: Fd) -> bool {
    const SMALL: usize = 64 << 10;
    /// What lies in it takes so many times its length, where it is written piece by piece.
    const OVERHEAD: usize = 8;
    let size = sockopt::socket_send_buffer_size(fd).unwrap_or(0);
    size <= SMALL && written(fd) > (size / OVERHEAD) as u64
}

/// Whether it may be a connection, asked as every filter allows it: getsockopt may be among
/// what a service is killed for.
pub fn may_be_connection(fd: Fd) -> bool {
    is_socket(fd) && queued(fd, SIOCOUTQNSD).is_ok()
}
