//! Numbers in the text of procfs.
//!
//! Context: pure functions; async-signal-safe.

use crate::sys::fd::Fd;
use core::ffi::CStr;

/// The value of a decimal number; `None` where `text` is anything else.
pub fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// The descriptor that an entry of a directory `/proc/PID/fd` stands for; `None` where its
/// name is no number.
pub fn descriptor(name: &CStr) -> Option<Fd> {
    number(name.to_bytes()).and_then(|raw| Fd::new(raw as i32))
}

/// The inode number in the text of a link such as `socket:[4711]`; `None` for other links.
pub(super) fn socket_inode(link: &[u8]) -> Option<u64> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}
