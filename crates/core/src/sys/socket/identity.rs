//! What tells one socket from another: its protocol, its cookie, its inode.
//!
//! Context: async-signal-safe; one system call each.

use crate::sys::fd::Fd;
use rustix::fs::FileType;
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, ipproto, sockopt};

/// The cookie of the socket (`SO_COOKIE`). The kernel never gives it to another socket until it is
/// booted again, so it tells whether a number still means the same socket.
pub fn cookie(fd: Fd) -> Option<u64> {
    sockopt::socket_cookie(fd).ok()
}

/// The inode number of a file; of a socket, the number in the `socket:[N]` links of procfs.
///
/// # Errors
/// `EBADF`.
pub fn inode(fd: Fd) -> Result<u64> {
    rustix::fs::fstat(fd).map(|stat| stat.st_ino)
}

/// Whether it is a socket of any kind. It is asked by `fstat`, which every program needs: a seccomp
/// filter does not kill for it.
pub fn is_socket(fd: Fd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}

/// Whether the socket is TCP or MPTCP (`SO_PROTOCOL`). `TCP_INFO` does not tell: SMC sockets answer it
/// as well.
pub fn is_tcp(fd: Fd) -> bool {
    matches!(sockopt::socket_protocol(fd), Ok(Some(ipproto::TCP | ipproto::MPTCP)))
}

/// Whether the socket is MPTCP.
pub fn is_mptcp(fd: Fd) -> bool {
    sockopt::socket_protocol(fd) == Ok(Some(ipproto::MPTCP))
}

/// Whether the socket is a unix socket.
pub fn is_unix(fd: Fd) -> bool {
    sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
}

/// Whether an error of a read means "nothing now" (`EAGAIN`, `EINTR`), and not that the connection is
/// over.
pub fn is_would_block(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::INTR)
}
