//! How many bytes of a connection are unread, unsent, unacknowledged, read and written.
//!
//! Context: async-signal-safe; each function makes one or a few system calls.

use super::identity::is_socket;
use super::state::{counter, tcp_info};
use crate::sys::fd::Fd;
use crate::sys::raw::{nr, syscall6};
use rustix::io::Result;
use rustix::net::sockopt;

const SIOCOUTQ: usize = 0x5411;
const SIOCOUTQNSD: usize = 0x894B;

/// Bytes that have arrived and are not read yet (`SIOCINQ`); 0 where the kernel does not tell.
pub fn unread(fd: Fd) -> u64 {
    rustix::io::ioctl_fionread(fd).unwrap_or(0)
}

/// Sequence numbers that the peer has not acknowledged, a FIN of ours included (`SIOCOUTQ`).
/// `u32::MAX` where the kernel does not tell.
pub fn unacknowledged(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQ).unwrap_or(u32::MAX)
}

/// Bytes of the program's data that the peer has not acknowledged. A FIN of ours, which takes a
/// sequence number as well, is not counted. 0 where the kernel does not tell.
pub fn undelivered(fd: Fd) -> u32 {
    const ESTABLISHED: u8 = 1;
    const CLOSE_WAIT: u8 = 8;
    match queued(fd, SIOCOUTQ).unwrap_or(0) {
        0 => 0,
        queued if tcp_info(fd).is_ok_and(|info| matches!(info.state, ESTABLISHED | CLOSE_WAIT)) => queued,
        queued => queued - 1,
    }
}

/// Bytes that have not been sent even once (`SIOCOUTQNSD`); 0 where the kernel does not tell.
pub fn unsent(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQNSD).unwrap_or(0)
}

fn queued(fd: Fd, which: usize) -> Result<u32> {
    let mut bytes = 0u32;
    // SAFETY: the kernel writes one int into `bytes`.
    unsafe { syscall6(nr::IOCTL, [fd.index(), which, (&raw mut bytes) as usize, 0, 0, 0]) }?;
    Ok(bytes)
}

/// Bytes that the program has read from this connection so far: `tcpi_bytes_received` minus the
/// bytes that are not read yet.
pub fn consumed(fd: Fd) -> u64 {
    const BYTES_RECEIVED: usize = 128;
    counter(fd, BYTES_RECEIVED).wrapping_sub(unread(fd))
}

/// Bytes that the program has written to this connection so far: those that are acknowledged
/// (`tcpi_bytes_acked`) and those that are not. The kernel is asked for the two one after the
/// other. If a byte is acknowledged in between, it is asked again, a few times; after that the
/// answer may be wrong.
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

/// Whether the send buffer may have been full a moment ago, even if it is nearly empty now: it is
/// small, and the program has written more than it may hold. Then a thread that waited in a write
/// may have been woken, and not have run yet.
pub fn may_have_been_full(fd: Fd) -> bool {
    const SMALL: usize = 64 << 10;
    /// Data that is written piece by piece takes up to this many times its length in the buffer.
    const OVERHEAD: usize = 8;
    let size = sockopt::socket_send_buffer_size(fd).unwrap_or(0);
    size <= SMALL && written(fd) > (size / OVERHEAD) as u64
}

/// Whether it may be a TCP connection. It is asked without `getsockopt`, for which a seccomp filter
/// may kill the process.
pub fn may_be_connection(fd: Fd) -> bool {
    is_socket(fd) && queued(fd, SIOCOUTQNSD).is_ok()
}
