//! Zeroed memory for tables that hooks read and write: mapped once, never freed.
//!
//! The pages cost nothing until they are touched (`MAP_NORESERVE`), and mapping
//! them is one system call, which a hook may make; the global allocator is not
//! involved. A `Shared` region stays common to the process and its fork
//! children, a `Private` one is copied on write like any memory.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Types for which all-zero bytes are a valid value, and which may be shared
/// between threads and processes.
///
/// # Safety
/// Only for `repr(C)` structs of atomics (and plain integers owned by one
/// thread at a time), without padding that matters and without a drop.
pub unsafe trait Zeroed: Sync {}

/// Whether fork children see our writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Copied on write at fork.
    Private,
    /// Common to the process and its descendants.
    Shared,
}

/// A table of `T`, mapped at the first [`Region::ensure`].
pub struct Region<T> {
    base: AtomicPtr<T>,
    len: AtomicUsize,
    sharing: Sharing,
}

impl<T: Zeroed> Region<T> {
    /// An unmapped region: [`Region::get`] finds nothing in it.
    pub const fn new(sharing: Sharing) -> Self {
        Self { base: AtomicPtr::new(ptr::null_mut()), len: AtomicUsize::new(0), sharing }
    }

    /// Maps `len` zeroed elements, unless that has been done. False where the
    /// memory could not be had. Two threads may race; one mapping wins.
    pub fn ensure(&self, len: usize) -> bool {
        if !self.base.load(Ordering::Acquire).is_null() {
            return true;
        }
        let flags = match self.sharing {
            Sharing::Private => MapFlags::PRIVATE,
            Sharing::Shared => MapFlags::SHARED,
        } | MapFlags::NORESERVE;
        let Some(bytes) = len.checked_mul(size_of::<T>()) else { return false };
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
        let Ok(mapped) = mapped else { return false };
        // The length is the same for every racer, and must be there before the base.
        self.len.store(len, Ordering::Release);
        let won = self.base.compare_exchange(ptr::null_mut(), mapped.cast(), Ordering::AcqRel, Ordering::Acquire);
        if won.is_err() {
            // SAFETY: our own mapping, which nobody else has seen.
            let _ = unsafe { munmap(mapped, bytes) };
        }
        true
    }

    /// Element `index`, or `None` where it is out of range or nothing is mapped.
    pub fn get(&self, index: usize) -> Option<&T> {
        let base = self.base.load(Ordering::Acquire);
        if base.is_null() || index >= self.len.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the mapping has `len` zeroed elements of a `Zeroed` type, lives
        // for ever, and is only ever shared as `&T`.
        Some(unsafe { &*base.add(index) })
    }

    /// Elements mapped; 0 before [`Region::ensure`].
    pub fn len(&self) -> usize {
        if self.base.load(Ordering::Acquire).is_null() { 0 } else { self.len.load(Ordering::Acquire) }
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
