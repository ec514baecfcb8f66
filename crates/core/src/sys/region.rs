//! Zeroed memory for tables that hooks read and write: mapped once, never freed.
//!
//! The pages cost nothing until they are touched (`MAP_NORESERVE`), and mapping
//! them is one system call, which a hook may make; the global allocator is not
//! involved. A region is copied on write at fork, like any memory; what stays common to a
//! process and its fork children is in [`super::shared`].

use super::valgrind;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// Types for which all-zero bytes are a valid value, and which may be shared between threads
/// and processes. A struct becomes one by [`zeroed!`](crate::zeroed), which looks at its fields.
///
/// # Safety
/// Every pattern of bits is a value, every change is atomic, and nothing happens on a drop.
pub unsafe trait Zeroed: Sync {
    /// Does not compile unless every field is `Zeroed`.
    #[doc(hidden)]
    fn check_fields() {}
}

macro_rules! atomics {
    ($($name:ident)*) => {
        $(
            // SAFETY: an atomic integer, of which every pattern of bits is a value.
            unsafe impl Zeroed for core::sync::atomic::$name {}
        )*
    };
}

atomics!(AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI32);

// SAFETY: elements of such a type, one behind the other.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}

#[doc(hidden)]
pub fn is_zeroed<T: Zeroed>() {}

/// Defines a struct, `repr(C)`, that is [`Zeroed`]: it compiles only if each of its fields is.
/// So memory that was mapped can be used as such a struct without an `unsafe` block.
#[doc(hidden)]
#[macro_export]
macro_rules! zeroed {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<const $param:ident: usize>)? {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        $vis struct $name $(<const $param: usize>)? {
            $($(#[$field_meta])* $field_vis $field: $type),*
        }

        $crate::zeroed!(@is $name, [$($param)?], $($type),*);
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<const $param:ident: usize>)? ($field_vis:vis $type:ty);
    ) => {
        $(#[$meta])*
        #[repr(C)]
        $vis struct $name $(<const $param: usize>)? ($field_vis $type);

        $crate::zeroed!(@is $name, [$($param)?], $type);
    };
    (@is $name:ident, [$($param:ident)?], $($type:ty),*) => {
        // SAFETY: repr(C), and each field is such a type: `check_fields` compiles.
        #[allow(unsafe_code)]
        unsafe impl $(<const $param: usize>)? $crate::sys::region::Zeroed for $name $(<$param>)? {
            fn check_fields() {
                $($crate::sys::region::is_zeroed::<$type>();)*
            }
        }
    };
}

/// A table of `T`, mapped at the first [`Region::ensure`].
pub struct Region<T> {
    base: AtomicPtr<T>,
    len: AtomicUsize,
}

impl<T: Zeroed> Region<T> {
    /// An unmapped region: [`Region::get`] finds nothing in it.
    pub const fn new() -> Self {
        Self { base: AtomicPtr::new(ptr::null_mut()), len: AtomicUsize::new(0) }
    }

    /// Maps `len` zeroed elements, unless that has been done. False where the
    /// memory could not be had. Two threads may race; one mapping wins.
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

/// A word that every copy of this memory loses (`MADV_WIPEONFORK`): also that of a
/// child which no handler of ours sees.
pub struct Birthmark(AtomicPtr<AtomicUsize>);

impl Birthmark {
    /// Not set.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Marks this process. Where the memory is not to be had, every process counts
    /// as marked.
    pub fn set(&self) {
        const PAGE: usize = 4096;
        if self.0.load(Ordering::Acquire).is_null() {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
            let mapped = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE) };
            let Ok(page) = mapped else { return };
            // SAFETY: our own mapping, one page.
            let _ = unsafe { madvise(page, PAGE, Advice::LinuxWipeOnFork) };
            self.0.store(page.cast(), Ordering::Release);
        }
        if let Some(word) = self.word() {
            word.store(1, Ordering::Release);
        }
    }

    /// Whether this process was marked itself.
    pub fn is_set(&self) -> bool {
        self.word().is_none_or(|word| word.load(Ordering::Acquire) == 1)
    }

    fn word(&self) -> Option<&AtomicUsize> {
        // SAFETY: null, or our own page, which lives for ever.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn who_maps_at_the_same_time_shares_one_mapping() {
        let region = Region::<Word>::new();
        let raise = || {
            assert!(region.ensure(8));
            region.get(7).unwrap().0.fetch_add(1, SeqCst);
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(raise))));
        assert_eq!(region.get(7).unwrap().0.load(SeqCst), 3);
    }

    #[test]
    fn what_cannot_be_mapped_is_not_there() {
        let region = Region::<Word>::new();
        assert!(!region.ensure(usize::MAX));
        assert!(region.is_empty());
    }
}
