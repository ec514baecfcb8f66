//! The bare system call, for calls that rustix does not have.
//!
//! Context: async-signal-safe.
//!
//! # Safety
//!
//! The kernel reads and writes through the pointers that it is given. So the arguments must be those
//! that the system call with this number accepts.

pub use super::machine::{nr, syscall6};

/// The level of TCP options for `getsockopt(2)` (`include/uapi/linux/in.h`).
pub const IPPROTO_TCP: usize = 6;
/// Flag of `recvmsg(2)` and `sendmsg(2)`: the call does not wait (`include/linux/socket.h`).
pub const MSG_DONTWAIT: usize = 0x40;
