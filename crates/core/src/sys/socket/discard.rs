//! Discarding data that has arrived.
//!
//! Context: async-signal-safe; nothing here waits.

use crate::sys::fd::Fd;
use crate::sys::raw::{MSG_DONTWAIT, nr, syscall6};
use rustix::io::Result;

const MSG_TRUNC: usize = 0x20;

/// Discards queued bytes inside the kernel, without copying them; at most as many as `nowhere` is
/// long. Answers how many. 0 means that the peer's FIN has come, or that the receive side is shut
/// down.
///
/// Source: `tcp_recvmsg_locked`, which does not copy under `MSG_TRUNC`.
///
/// # Errors
/// `EAGAIN`: nothing is queued. `EFAULT`: this socket copies even under `MSG_TRUNC` (kTLS); use
/// [`discard_into`]. Other errors mean that the connection is over.
pub fn discard(fd: Fd, nowhere: &'static [u8]) -> Result<usize> {
    let args = [fd.index(), nowhere.as_ptr().addr(), nowhere.len(), MSG_DONTWAIT | MSG_TRUNC, 0, 0];
    // SAFETY: under MSG_TRUNC the kernel writes nothing. A socket that copies all the same answers
    // EFAULT: a static without interior mutability is in read-only memory.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// Discards queued bytes by a copy into `scratch`. Answers how many, as [`discard`].
///
/// # Errors
/// As [`discard`].
pub fn discard_into(fd: Fd, scratch: &mut [u8]) -> Result<usize> {
    let args = [fd.index(), scratch.as_mut_ptr() as usize, scratch.len(), MSG_DONTWAIT, 0, 0];
    // SAFETY: the kernel writes at most `scratch.len()` bytes into `scratch`.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// Discards up to 256 messages of the error queue: completions of `MSG_ZEROCOPY`, and timestamps of
/// data that was sent (`SO_TIMESTAMPING`). As long as the queue has a message, `poll` and epoll
/// report an error. Answers whether there was a message.
pub fn discard_news(fd: Fd) -> bool {
    const MSG_ERRQUEUE: usize = 0x2000;
    const MOST: usize = 256;
    let args = [fd.index(), 0, 0, MSG_ERRQUEUE | MSG_DONTWAIT, 0, 0];
    // SAFETY: the kernel writes nothing to a null buffer of length 0 (`inet_recv_error`).
    let next = || unsafe { syscall6(nr::RECVFROM, args) };
    (0..MOST).take_while(|_| next().is_ok()).count() != 0
}
