//! A table of this process: zeroed memory, mapped once and never unmapped.
//!
//! The pages cost nothing until they are touched (`MAP_NORESERVE`). To map them is one system
//! call, which a hook may make; no allocator is involved. A fork child gets a copy, like of any
//! memory; what a process and its children share is in [`super::shared`].
//!
//! Context: any hook; async-signal-safe, lock-free.

use super::zeroed::Zeroed;
use crate::sys::valgrind;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A table of `T`, which [`Region::ensure`] maps.
pub struct Region<T> {
    base: AtomicPtr<T>,
    len: AtomicUsize,
}

impl<T: Zeroed> Region<T> {
    /// A table that is not mapped: [`Region::get`] finds nothing in it.
    pub const fn new() -> Self {
        Self { base: AtomicPtr::new(ptr::null_mut()), len: AtomicUsize::new(0) }
    }

    /// Maps `len` zeroed elements, unless the table is mapped. False where the kernel gives no
    /// memory. Of two threads that call this at the same time, one maps the table for both;
    /// both must ask for the same `len`.
    pub fn ensure(&self, len: usize) -> bool {
        if !self.base.load(Ordering::Acquire).is_null() {
            return true;
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let Some(bytes) = len.checked_mul(size_of::<T>()) else { return false };
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) };
        let Ok(mapped) = mapped else { return false };
        valgrind::is_lock_free(mapped.addr(), bytes);
        // A reader that sees the base must see the length: it is stored first.
        self.len.store(len, Ordering::Release);
        let won = self.base.compare_exchange(ptr::null_mut(), mapped.cast(), Ordering::AcqRel, Ordering::Acquire);
        if won.is_err() {
            // SAFETY: our own mapping, which no other thread has seen.
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
        // SAFETY: the mapping has `len` zeroed elements of a `Zeroed` type, is never unmapped,
        // and is only ever shared as `&T`.
        Some(unsafe { &*base.add(index) })
    }

    /// The number of elements; 0 before [`Region::ensure`] has mapped them.
    pub fn len(&self) -> usize {
        if self.base.load(Ordering::Acquire).is_null() { 0 } else { self.len.load(Ordering::Acquire) }
    }

    /// Whether the table is not mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeroed;
    use core::sync::atomic::Ordering::SeqCst;

    zeroed! {
        struct Word(AtomicUsize);
    }

    #[test]
    fn nothing_is_found_beyond_the_end_or_before_the_mapping() {
        let region = Region::<Word>::new();
        assert!(region.is_empty() && region.get(0).is_none());
        assert!(region.ensure(3));
        assert_eq!(region.get(2).unwrap().0.load(SeqCst), 0);
        assert!(region.get(3).is_none());
    }

    #[test]
    fn threads_that_map_at_the_same_time_share_one_mapping() {
        let region = Region::<Word>::new();
        let raise = || {
            assert!(region.ensure(8));
            region.get(7).unwrap().0.fetch_add(1, SeqCst);
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(raise))));
        assert_eq!(region.get(7).unwrap().0.load(SeqCst), 3);
    }

    #[test]
    fn a_table_that_is_too_large_is_not_mapped() {
        let region = Region::<Word>::new();
        assert!(!region.ensure(usize::MAX));
        assert!(region.is_empty());
    }
}
