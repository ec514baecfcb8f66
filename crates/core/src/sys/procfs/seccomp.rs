//! Whether a process or thread may be under a seccomp filter.

use super::dir::Dir;
use core::ffi::CStr;

/// Whether there may be a seccomp filter, according to the `status` file at this path below
/// `/proc`, such as `self/status`. True where the file cannot be read.
///
/// Context: async-signal-safe; see [`super`] about the descriptor that it takes.
#[inline(never)]
pub fn may_be_filtered(status: &CStr) -> bool {
    let is_free = Dir::root().and_then(|root| root.any_line(status, |line| line == b"Seccomp:\t0"));
    is_free != Ok(true)
}
