//! Memory of our own, without an allocator.
//!
//! Context: async-signal-safe.

use core::{ptr, slice};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// What any bytes are a value of, zero first of all.
///
/// # Safety
///
/// Every pattern of bytes must be a value.
pub unsafe trait Plain: Copy {}

// SAFETY: integers.
unsafe impl Plain for i32 {}
// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for usize {}
// SAFETY: integers.
unsafe impl Plain for u128 {}

/// Room for `len` elements, all zero, for as long as the process lives. `None` where there
/// is none.
pub fn zeroed<T: Plain>(len: usize) -> Option<&'static mut [T]> {
    let bytes = len.checked_mul(size_of::<T>())?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
    let at = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE) }.ok()?;
    // SAFETY: so many bytes, aligned to a page, that nobody else knows of, and never
    // unmapped.
    Some(unsafe { slice::from_raw_parts_mut(at.cast(), len) })
}
