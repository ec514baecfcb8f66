//! What `poll(2)` says of a connection: whether it can be written to, and whether the peer has ended
//! it.
//!
//! Context: async-signal-safe; nothing here waits.

use super::state::tcp_info;
use crate::sys::fd::Fd;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt;
use rustix::time::Timespec;

/// How the peer has ended its side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerEnd {
    /// It has sent a FIN.
    Orderly,
    /// It has sent a reset, or the connection broke (`sk_err`).
    Broken,
}

/// How the peer has ended its side; `None` where it may still send. Nothing is read. A message in the
/// error queue does not end a connection, nor does an ICMP error, where the program has asked for
/// those (`IP_RECVERR`). Source: `tcp_poll`.
pub fn peer_end(fd: Fd) -> Option<PeerEnd> {
    let seen = events(fd, PollFlags::RDHUP);
    if seen.contains(PollFlags::NVAL) || seen.contains(PollFlags::ERR) && is_broken(fd) {
        Some(PeerEnd::Broken)
    } else {
        seen.intersects(PollFlags::RDHUP | PollFlags::HUP).then_some(PeerEnd::Orderly)
    }
}

fn is_broken(fd: Fd) -> bool {
    const CLOSE: u8 = 7;
    !matches!(sockopt::socket_error(fd), Ok(Ok(()))) && tcp_info(fd).is_ok_and(|info| info.state == CLOSE)
}

/// Whether there is room to write, or no connection any more. Then no thread stays blocked in a
/// write: `sk_stream_wait_memory` ends when the socket is writable. A message in the error queue,
/// which `poll` reports as an error, does not make it writable (`tcp_poll`).
pub fn is_writable(fd: Fd) -> bool {
    events(fd, PollFlags::OUT).contains(PollFlags::OUT)
}

/// Whether it is open and has no room to write, so that a write waits.
pub fn is_full(fd: Fd) -> bool {
    events(fd, PollFlags::OUT).is_empty()
}

fn events(fd: Fd, wanted: PollFlags) -> PollFlags {
    let mut fds = [PollFd::new(&fd, wanted)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let _ = poll(&mut fds, Some(&now));
    fds.iter().fold(PollFlags::empty(), |seen, fd| seen | fd.revents())
}
