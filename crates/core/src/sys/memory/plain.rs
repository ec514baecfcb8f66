//! Zeroed slices of our own, without an allocator.
//!
//! Context: async-signal-safe.

use core::{ptr, slice};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// A type of which any bytes, zeroes included, are a valid value.
///
/// # Safety
///
/// Every pattern of bytes must be a valid value.
pub unsafe trait Plain: Copy {}

// SAFETY: integers.
unsafe impl Plain for i32 {}
// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for usize {}
// SAFETY: integers.
unsafe impl Plain for u128 {}

/// Maps memory for `len` elements, all zero. It is never unmapped. `None` where the kernel
/// gives none.
pub fn zeroed_slice<T: Plain>(len: usize) -> Option<&'static mut [T]> {
    let bytes = len.checked_mul(size_of::<T>())?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
    let at = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, MapFlags::PRIVATE) }.ok()?;
    // SAFETY: the mapping has that many bytes, is aligned to a page, has no other reference into it,
    // and is never unmapped.
    Some(unsafe { slice::from_raw_parts_mut(at.cast(), len) })
}
