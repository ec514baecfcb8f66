//! Discarding what has come in.
//!
//! Context: async-signal-safe; nothing here waits.

use crate::sys::Fd;
use crate::sys::raw::{MSG_DONTWAIT, nr, syscall6};
use rustix::io::Result;

const MSG_TRUNC: usize = 0x20;

/// Discards up to as many queued bytes as `nowhere` has in the kernel, without copying.
///
/// `Ok(0)` is the peer's FIN (or a receive side shut down here).
///
/// # Errors
/// `EAGAIN`: nothing queued. `EFAULT`: this socket copies even with `MSG_TRUNC`
/// (kTLS); use [`discard_into`]. Others end the connection.
/// Source: `tcp_recvmsg_locked`, which skips the copy under `MSG_TRUNC`.
pub fn discard(fd: Fd, nowhere: &'static [u8]) -> Result<usize> {
    let args = [fd.index(), nowhere.as_ptr().addr(), nowhere.len(), MSG_DONTWAIT | MSG_TRUNC, 0, 0];
    // SAFETY: with MSG_TRUNC the kernel writes nothing; a socket family that would write
    // answers EFAULT, as what is static and no atomic lies in memory that cannot be written.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// Reads queued bytes into `scratch` and forgets them.
///
/// # Errors
/// As [`discard`].
pub fn discard_into(fd: Fd, scratch: &mut [u8]) -> Result<usize> {
    let args = [fd.index(), scratch.as_mut_ptr() as usize, scratch.len(), MSG_DONTWAIT, 0, 0];
    // SAFETY: the kernel writes at most `scratch.len()` bytes into `scratch`.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// Discards news of the error queue: completions of `MSG_ZEROCOPY`, timestamps of what was
/// sent (`SO_TIMESTAMPING`). As long as there is any, `poll` and epoll report an error.
/// Answers whether there was; not all of it, where there is very much.
pub fn discard_news(fd: Fd) -> bool {
    const MSG_ERRQUEUE: usize = 0x2000;
    const MOST: usize = 256;
    let args = [fd.index(), 0, 0, MSG_ERRQUEUE | MSG_DONTWAIT, 0, 0];
    // SAFETY: nothing is written through a null buffer of no length (`inet_recv_error`).
    let next = || unsafe { syscall6(nr::RECVFROM, args) };
    (0..MOST).take_while(|_| next().is_ok()).count() != 0
}
