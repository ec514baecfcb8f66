//! Short paths, put together in a fixed buffer.
//!
//! Context: pure functions; async-signal-safe.

use core::ffi::CStr;

/// Bytes of the longest path, the terminating zero included.
const CAPACITY: usize = 48;

/// A path of at most 47 bytes. The paths of procfs that softclose needs are that short.
pub struct Path {
    buffer: [u8; CAPACITY],
}

impl Path {
    /// `prefix` followed by `suffix`, cut off after 47 bytes.
    pub fn join(prefix: &CStr, suffix: &CStr) -> Self {
        let mut buffer = [0; CAPACITY];
        let parts = prefix.to_bytes().iter().chain(suffix.to_bytes());
        // The last byte stays zero.
        for (to, from) in buffer.iter_mut().take(CAPACITY - 1).zip(parts) {
            *to = *from;
        }
        Self { buffer }
    }

    /// The path as a terminated string, for a system call.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.buffer).unwrap_or(c"")
    }
}
